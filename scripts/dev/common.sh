# shellcheck shell=bash
# Helpers for ./dev that both the host side and the inside of the root use.

say() { printf '\033[1m== %s\033[0m\n' "$*" >&2; }

die() {
    printf 'dev: %s\n' "$*" >&2
    exit 1
}

# quietly NAME CMD...: output goes to .dev/log/NAME.log; on failure its tail is shown.
quietly() {
    local log=$LOGS/$1.log status=0
    shift
    "$@" >"$log" 2>&1 </dev/null || status=$?
    if ((status != 0)); then
        tail -n 40 "$log" >&2
        printf 'dev: failed (%d): %.120s; whole log: %s\n' "$status" "$*" "$log" >&2
    fi
    return "$status"
}

is_debian13() {
    local id version
    id=$(sed -n 's/^ID=//p' /etc/os-release 2>/dev/null | tr -d '"')
    version=$(sed -n 's/^VERSION_ID=//p' /etc/os-release 2>/dev/null | tr -d '"')
    [[ $id == debian && ${version%%.*} =~ ^[0-9]+$ && ${version%%.*} -ge 13 ]]
}

# The packages of the root: those of ./dev, or of the list that DEV_PACKAGES names.
package_list() { sed 's/#.*//' "$TOP/scripts/${DEV_PACKAGES:-packages.txt}" | xargs -n1 | LC_ALL=C sort -u; }

# Native Debian 13: install what is missing, and only then ask for root.
ensure_packages() {
    local missing sudo=()
    missing=$(comm -23 <(package_list) \
        <(dpkg-query -W -f '${db:Status-Status} ${Package}\n' | sed -n 's/^installed //p' | LC_ALL=C sort -u))
    [[ -n $missing ]] || return 0
    if ((EUID != 0)); then
        command -v sudo >/dev/null ||
            die "missing packages, and no sudo; as root: apt-get install --no-install-recommends ${missing//$'\n'/ }"
        sudo=(sudo)
    fi
    say "installing missing packages: ${missing//$'\n'/ }"
    local env=(env DEBIAN_FRONTEND=noninteractive)
    quietly apt-update "${sudo[@]}" "${env[@]}" apt-get update -q
    # shellcheck disable=SC2086 # one word per package
    quietly apt-install "${sudo[@]}" "${env[@]}" apt-get install -y -q --no-install-recommends $missing
}
