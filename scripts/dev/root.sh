# shellcheck shell=bash
# The private Debian 13 root for hosts that are something else, and for what shall not be installed on
# any host. Sourced by ./dev and deploy/test on the host.
#
# $CACHE/roots/<key>   a complete root, never changed once it has its name; <key> hashes the package list
# $CACHE/bootstrap     minimal trixie that roots start from;  $CACHE/debs  downloaded packages
# A run gets its own overlay with the changes in RAM, in its own mount and PID namespace: whatever
# way it ends, the kernel ends its processes and mounts with it. There is nothing to clean up.

ROOT_VERSION=1 # raise when make_root.sh changes what a root contains
SUITE=trixie

# run_in_root CMD...
run_in_root() {
    ((EUID == 0)) || die "making a private Debian 13 root needs root: run as root"
    local tool
    for tool in unshare flock setpriv; do
        command -v "$tool" >/dev/null || die "$tool is missing: install util-linux"
    done
    local key tree lock
    key=$( (package_list; echo "$ROOT_VERSION $SUITE $(uname -m)") | sha256sum | cut -c1-16)
    tree=$CACHE/roots/$key
    mkdir -p "$CACHE"/{roots,tmp,debs/partial,mnt}
    [[ -d $tree ]] || make_root "$tree"
    # Held, through inheritance, until the last process of the run has gone: see prune_roots.
    exec {lock}>"$tree.lock"
    flock --shared "$lock"
    [[ -d $tree ]] || die "the root has just been removed by another run; try again"
    touch "$tree.lock"

    export DEV_TREE=$tree DEV_CWD=$PWD
    set_read_only_binds
    local status=0
    run_child unshare --mount --propagation private --pid --fork --kill-child=KILL -- \
        bash "$TOP/scripts/dev/enter.sh" "$@" || status=$?
    return "$status"
}

# First build of a root: one process at a time, under a temporary name, renamed when complete.
make_root() {
    local tree=$1 lock
    exec {lock}>"$CACHE/lock"
    flock --nonblock "$lock" || {
        say "waiting for another run that makes the Debian 13 root"
        flock "$lock"
    }
    if [[ ! -d $tree ]]; then
        say "making the Debian 13 root (once, some minutes; log: .dev/log/root.log)"
        remove "$CACHE"/tmp/*
        prune_roots
        if ! command -v mmdebstrap >/dev/null && ! command -v debootstrap >/dev/null; then
            command -v apt-get >/dev/null || die "install mmdebstrap or debootstrap first"
            quietly apt-update apt-get update -q
            quietly apt-install env DEBIAN_FRONTEND=noninteractive \
                apt-get install -y -q --no-install-recommends mmdebstrap
        fi
        MIRROR=$(host_mirror) SUITE=$SUITE PACKAGES=$(package_list) quietly root \
            run_child unshare --mount --propagation private --pid --fork --kill-child=KILL -- \
            bash "$TOP/scripts/dev/make_root.sh" "$tree" || exit 1
    fi
    exec {lock}>&-
}

# Roots of other package lists, unused for two weeks.
prune_roots() {
    local old
    for old in "$CACHE"/roots/*.lock; do
        [[ -n $(find "$old" -mtime +14 2>/dev/null) ]] || continue
        if flock --nonblock "$old" mv "${old%.lock}" "$CACHE/tmp/"; then
            rm -f "$old"
            remove "$CACHE"/tmp/*
        fi
    done
}

remove() { rm -rf --one-file-system -- "$@"; }

# The mirror the host uses, if the host is a Debian: its first URI.
host_mirror() {
    local uri=
    if [[ $(sed -n 's/^ID=//p' /etc/os-release) == debian ]]; then
        uri=$(sed -nE 's/^URIs:[[:space:]]*([^[:space:]]+).*/\1/p' \
            /etc/apt/sources.list.d/debian.sources 2>/dev/null | head -n1) || true
        [[ -n $uri ]] || uri=$(sed -nE 's/^deb[[:space:]]+(\[[^]]*\][[:space:]]+)?([^[:space:]]+).*/\2/p' \
            /etc/apt/sources.list 2>/dev/null | head -n1) || true
    fi
    [[ $uri == http* ]] || uri=http://deb.debian.org/debian
    echo "$uri"
}

# Directories the root shows read-only, one a line in DEV_READ_ONLY: the test pictures and models
# (named to the programs by FACET_TESTDATA and FACET_TESTMODELS) and, in a linked worktree, the repository.
set_read_only_binds() {
    local main=$TOP common dir
    DEV_READ_ONLY=
    common=$(git -c safe.directory='*' -C "$TOP" rev-parse --path-format=absolute --git-common-dir 2>/dev/null) || true
    if [[ -n $common && $common != "$TOP/.git" ]]; then
        main=$(dirname "$common")
        DEV_READ_ONLY=$common
    fi
    for dir in "$TOP/../shared/testdata" "$main/../shared/testdata"; do
        [[ -n ${FACET_TESTDATA-} || ! -d $dir ]] || FACET_TESTDATA=$dir
    done
    if [[ -d ${FACET_TESTDATA-} ]]; then
        FACET_TESTDATA=$(readlink -f "$FACET_TESTDATA")
        : "${FACET_TESTMODELS:=$(dirname "$FACET_TESTDATA")/models}"
        DEV_READ_ONLY+=$'\n'$FACET_TESTDATA
    fi
    if [[ -d ${FACET_TESTMODELS-} ]]; then
        FACET_TESTMODELS=$(readlink -f "$FACET_TESTMODELS")
        DEV_READ_ONLY+=$'\n'$FACET_TESTMODELS
    else
        unset FACET_TESTMODELS
    fi
    export DEV_READ_ONLY ${FACET_TESTDATA+FACET_TESTDATA} ${FACET_TESTMODELS+FACET_TESTMODELS}
}

# Runs a command as a child that dies when we are killed, with our stdin, and passes signals on to the
# program inside. (A shell's background children ignore SIGINT; unshare itself blocks SIGINT and SIGTERM.)
run_child() {
    local child status=0
    setpriv --pdeathsig KILL env --default-signal=INT,QUIT "$@" <&0 &
    child=$!
    trap 'forward TERM "$child"' TERM
    trap 'forward HUP "$child"' HUP
    trap 'from_terminal || forward INT "$child"' INT
    while :; do
        wait "$child" && status=0 || status=$?
        ((status > 128)) || break
        kill -0 "$child" 2>/dev/null && continue # only the wait was interrupted
        wait "$child" 2>/dev/null || { status=$?; }
        break
    done
    trap - TERM HUP INT
    return "$status"
}

# unshare -> first process of the namespace -> the program
forward() {
    local pid=$2 children
    for _ in unshare init; do
        children=$(cat "/proc/$pid/task/$pid/children" 2>/dev/null) || return 0
        pid=${children%% *}
        [[ -n $pid ]] || return 0
    done
    kill -s "$1" "$pid" 2>/dev/null || true
}

# Whether we are the terminal's foreground job: then Ctrl-C has already reached the program too.
from_terminal() {
    local stat
    read -r stat </proc/$$/stat
    read -ra stat <<<"${stat##*) }"
    [[ ${stat[2]} == "${stat[5]}" ]]
}
