// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * The login of the page. The form works without this, too; with it, what is wrong is said below the form. What the page
 * was asked with goes along, there and back.
 */
import { isLetIn, logIn } from "./api.js";
import { forget, keep, LOGIN } from "./store.js";

const form = document.getElementById("login");
const token = document.getElementById("token");
const message = document.getElementById("message");

function goToPage() {
	location.replace(`./${location.search}${location.hash}`);
}

async function submit(event) {
	event.preventDefault();
	message.textContent = "";
	message.textContent = await logIn(token.value);
	if (message.textContent) {
		token.select();
		return;
	}
	keep(LOGIN, "yes");
	goToPage();
}

/*
 * A link from another site comes without the cookie, and so leads here also who is logged in: a request of this page
 * has it. Who comes to log out stays.
 */
async function leaveIfLoggedIn() {
	const letIn = await isLetIn();

	if (letIn === false)
		forget(LOGIN);
	if (letIn)
		goToPage();
}

form.addEventListener("submit", submit);
if (location.hash !== "#logout")
	leaveIfLoggedIn();
