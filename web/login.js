// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * The login of the page. The form works without this, too; with it, what is wrong is said below the form. What the page
 * was asked with goes along, there and back.
 */

const form = document.getElementById("login");
const message = document.getElementById("message");

function goToPage() {
	location.replace(`./${location.search}${location.hash}`);
}

/** What the server says is wrong (RFC 9457), with when to come again. */
async function reason(response) {
	const wait = response.headers.get("Retry-After");
	const problem = await response.json().catch(() => ({}));

	return (problem.detail ?? `HTTP status ${response.status}`) + (wait ? ` (${wait} s)` : "");
}

async function logIn(event) {
	event.preventDefault();
	message.textContent = "";
	try {
		const response = await fetch(form.action, {
			method: "POST",
			body: new URLSearchParams(new FormData(form)),
		});
		if (response.ok) {
			goToPage();
			return;
		}
		message.textContent = await reason(response);
	} catch {
		message.textContent = "no connection";
	}
	document.getElementById("token").select();
}

/*
 * A link from another site comes without the cookie, and so leads here also who is logged in: a request of this page
 * has it. Who comes to log out stays.
 */
async function leaveIfLoggedIn() {
	const response = await fetch("api/interfaces", { cache: "no-store" }).catch(() => null);

	if (response?.ok)
		goToPage();
}

form.addEventListener("submit", logIn);
if (location.hash !== "#logout")
	leaveIfLoggedIn();
