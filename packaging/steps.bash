# SPDX-License-Identifier: MIT OR Apache-2.0
# shellcheck shell=bash
#
# What packaging/quickstart, test/run and test/bench/run have in common: installing and building in
# named steps. Sourced, never run.
#
# A step is one line on standard output; what its command says goes to the file $log, whose end is
# shown when the step fails. Nothing is installed that dpkg already has, so a second run needs no
# network. The caller sets $log before the first step; $interrupted counts the signals that have
# asked for an end (see steps_trap).

program=${0##*/}
log=/dev/null
interrupted=0
stop_signal=
step_pid=
step_patient=false

# From the compiler to the libraries: what `meson setup` and `ninja` need, and nothing else.
# shellcheck disable=SC2034 # used by those who source this
BUILD_PACKAGES=(gcc libc6-dev pkgconf meson ninja-build clang bpftool
	libbpf-dev libxdp-dev libelf-dev libsystemd-dev libinih-dev libjansson-dev
	libh2o-evloop-dev libevent-dev libssl-dev)
# The page's chart comes by npm. Debian's npm cannot be installed beside another vendor's nodejs, which has its own.
command -v npm >/dev/null || BUILD_PACKAGES+=(npm)
# The test machine's root (test/vm), and the Debian packages that are installed in it.
# shellcheck disable=SC2034
MACHINE_PACKAGES=(mmdebstrap e2fsprogs kmod lz4 build-essential debhelper)

# Where a lone `su` has not put the administrator's programs.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
export LC_ALL=C

say()
{
	printf '%s\n' "$*"
}

die()
{
	printf '%s: error: %s\n' "$program" "$*" >&2
	exit 1
}

wrong_usage()
{
	printf '%s: %s; --help tells how\n' "$program" "$1" >&2
	exit 2
}

require_root()
{
	((EUID == 0)) || die "needs root; run it again as root (sudo $0)"
}

# ---- signals ----

steps_trap()
{
	local signal

	for signal in INT TERM HUP; do
		# shellcheck disable=SC2064 # the signal's name is for now
		trap "on_stop_signal $signal" "$signal"
	done
}

stopped()
{
	exit $((128 + $(kill -l "$stop_signal")))
}

on_stop_signal()
{
	stop_signal=$1
	interrupted=$((interrupted + 1))
	[[ $step_pid ]] || stopped
	if $step_patient; then
		say "(waiting for the packages to be in order first)"
	else
		kill -TERM -- "-$step_pid" 2>/dev/null || :
	fi
}

# await PID: its exit status, whatever signals come meanwhile
await()
{
	local before status

	while :; do
		before=$interrupted status=0
		wait "$1" || status=$?
		((interrupted == before)) && return "$status"
		kill -0 "$1" 2>/dev/null || ((status <= 128)) || continue
	done
}

# group_gone PID: wait for the last of a process group, ten seconds at most
group_gone()
{
	local try

	for ((try = 0; try < 100; try++)); do
		kill -0 -- "-$1" 2>/dev/null || return 0
		sleep 0.1
	done
	kill -KILL -- "-$1" 2>/dev/null || :
}

# ---- steps ----

# step TEXT COMMAND...: one line; on failure the reason and the end of the command's output
step()
{
	local text=$1 status=0 start=$SECONDS

	shift
	printf '%s ... ' "$text"
	printf '==> %s: %s\n' "$text" "$*" >>"$log"
	set -m # a process group of its own: Ctrl-C comes to us only, and what we end ends whole
	"$@" >>"$log" 2>&1 </dev/null &
	step_pid=$!
	set +m
	await "$step_pid" || status=$?
	if ((interrupted)); then
		group_gone "$step_pid"
		say "interrupted"
		stopped
	fi
	step_pid=
	if ((status)); then
		say "failed"
		printf '%s: error: "%s" failed with status %d; the last lines of %s:\n' "$program" \
			"$text" "$status" "$log" >&2
		tail -n 25 "$log" | sed 's/^/  /' >&2
		exit 1
	fi
	say "done ($((SECONDS - start)) s)"
}

# ---- packages ----

installed()
{
	[[ $(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null) == installed ]]
}

# The lists' lock has no time-out of its own, and a machine that has just started updates them.
apt_update()
{
	local try

	for try in 1 2 3 4 5 6; do
		apt-get -q update && return
		sleep $((try * 2))
	done
	return 1
}

apt_install()
{
	DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 \
		-o Dpkg::Options::=--force-confold install --no-install-recommends "$@"
}

# install_packages PACKAGE...: those of them that are missing
install_packages()
{
	local package missing=()

	command -v apt-get >/dev/null ||
		die "there is no apt-get here (Debian 12 or later is needed); what is needed: $*"
	for package; do
		installed "$package" || missing+=("$package")
	done
	((${#missing[@]})) || return 0
	require_root
	step_patient=true
	step "Fetching the package lists" apt_update
	step "Installing ${#missing[@]} packages and what they need (${missing[*]})" \
		apt_install "${missing[@]}"
	step_patient=false
}

unpack_package()
{
	local package=$1 folder=$2

	rm -rf "$folder" "$folder.new" && mkdir -p "$folder.new" || return
	(cd "$folder.new" && apt-get -q download "$package" && dpkg-deb -x "$package"_*.deb .) || return
	mv "$folder.new" "$folder"
}

# server_for FOLDER PROGRAM PACKAGE LIBRARY...: PROGRAM in $PATH. The machine's own where it has one; else Debian's,
# unpacked below FOLDER, since installing the package would start a server here now and at each boot.
server_for()
{
	local folder=$1/$3 program=$2 package=$3

	command -v "$program" >/dev/null && return
	PATH=$PATH:$folder/usr/sbin:$folder/usr/bin
	command -v "$program" >/dev/null && return
	shift 3
	install_packages "$@"
	step "Unpacking $package (not installed: no service is started)" unpack_package "$package" "$folder"
	"$program" --version >/dev/null 2>&1 || "$program" -v >/dev/null 2>&1 ||
		die "$package was unpacked to $folder, but its $program does not run"
}

nginx_for()
{
	server_for "$1" nginx nginx libpcre2-8-0 libssl3 libcrypt1 zlib1g
}

prometheus_for()
{
	server_for "$1" prometheus prometheus
}

node_exporter_for()
{
	server_for "$1" prometheus-node-exporter prometheus-node-exporter
}

# ---- build ----

# Set up for this path, by this meson, to the end.
set_up()
{
	local source=$1 info=$2/meson-info/meson-info.json

	[[ -e $2/build.ninja && -e $info ]] && grep -qF "\"source\": \"$source\"" "$info" &&
		grep -qF "\"full\": \"$(meson --version)\"" "$info"
}

build_in()
{
	local source=$1 folder=$2 options=()

	shift 2
	while [[ ${1-} == -* ]]; do
		options+=("$1")
		shift
	done
	if ! set_up "$source" "$folder"; then
		mkdir -p "$folder"
		find "$folder" -mindepth 1 -maxdepth 1 ! -name '*.log' ! -name nginx ! -name lock \
			-exec rm -rf {} + || return
		meson setup "${options[@]}" "$folder" "$source" || return
	fi
	ninja -C "$folder" "$@"
}

# build TEXT SOURCE FOLDER [-DOPTION]... TARGET...: with meson and ninja. A folder that was set up by
# another meson, or for another path, is made anew.
build()
{
	local text=$1

	shift
	step "$text" build_in "$@"
}
