# shellcheck shell=bash
# Shared by deploy/quickstart, tests/run and .ci/run: packages, privileges, builds. Sourced, not run.
# Expects `set -euo pipefail`. $checkout is the checkout's root.

checkout=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)

# The checkout may belong to somebody else than the user who builds (a container, a CI job): git then
# refuses to say which commit it is, and results would lack it.
export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0=$checkout

say() {
    printf '==> %s\n' "$*"
}

die() {
    printf '%s: error: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

# packages_missing LIST...: the packages of these lists that are not installed, one a line.
packages_missing() {
    local list package
    for list in "$@"; do
        while read -r package; do
            [[ $(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null) == installed ]] ||
                printf '%s\n' "$package"
        done < <(awk -v list="$list" '$1 == list { print $2 }' "$checkout/deploy/packages")
    done
}

# as_root COMMAND...: as it is for root, else through sudo.
as_root() {
    if ((EUID == 0)); then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo -- "$@"
    else
        die "root is needed to install packages, and there is no sudo: run this as root once"
    fi
}

apt() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -y -q -o Dpkg::Use-Pty=0 -o Acquire::Retries=3 \
        -o DPkg::Lock::Timeout=120 "$@" </dev/null
}

# packages_install LIST...: installs what is missing, and only that.
packages_install() {
    command -v apt-get >/dev/null || die "this needs Debian's apt-get (tested on Debian 12)"
    local missing
    mapfile -t missing < <(packages_missing "$@")
    if ((${#missing[@]} == 0)); then
        say "all packages are installed"
        return
    fi
    say "installing ${#missing[@]} packages: ${missing[*]}"
    # Package lists may be absent (a fresh container) or old (a file that the mirror no longer has).
    if ! apt-cache show "${missing[@]}" >/dev/null 2>&1; then
        apt update
    fi
    if ! apt install --no-install-recommends "${missing[@]}"; then
        say "that failed: fetching new package lists and trying once more"
        apt update
        apt install --no-install-recommends "${missing[@]}"
    fi
    mapfile -t missing < <(packages_missing "$@")
    ((${#missing[@]} == 0)) || die "these packages could not be installed: ${missing[*]}"
}

# drop_privileges SCRIPT ARGUMENT...: under sudo, goes on as the user who called it, so that nothing in
# that user's checkout comes to belong to root. Call it when the packages are there.
drop_privileges() {
    local user=${SUDO_USER:-root} home
    if ((EUID != 0)) || [[ $user == root ]] || ! runuser -u "$user" -- test -w "$checkout"; then
        return
    fi
    home=$(getent passwd "$user" | cut -d: -f6)
    say "going on as $user"
    exec runuser -u "$user" -- env -u SUDO_USER -u XDG_RUNTIME_DIR HOME="$home" USER="$user" LOGNAME="$user" "$@"
}

# build_into FOLDER OPTION...: configures (again, if it is there) and compiles.
build_into() {
    local folder=$checkout/$1 log
    shift
    say "building into ${folder#"$checkout/"}/"
    mkdir -p "$folder" 2>/dev/null || true
    [[ -w $folder ]] || die "$folder cannot be written by $(id -un): remove it, or run this as its owner"
    log=$folder/setup.log
    if [[ -f $folder/build.ninja ]]; then
        meson setup --reconfigure "$folder" "$checkout" "$@" >"$log" 2>&1 </dev/null ||
            meson setup --wipe "$folder" "$checkout" "$@" >"$log" 2>&1 </dev/null ||
            { tail -n 30 "$log" >&2; die "meson could not configure $folder"; }
    else
        meson setup "$folder" "$checkout" "$@" >"$log" 2>&1 </dev/null ||
            { tail -n 30 "$log" >&2; die "meson could not configure $folder"; }
    fi
    if [[ -t 1 ]]; then
        ninja -C "$folder" || die "the build failed"
    else
        ninja -C "$folder" --quiet || die "the build failed"
    fi
}
