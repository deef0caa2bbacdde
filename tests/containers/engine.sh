#!/usr/bin/env bash
# engine.sh CMD...: runs CMD beside a Docker Engine that lives as long as CMD. First argument "_inside": as
# before, but already in the network namespace. Runs in the private root of deploy/test, which ends every
# process; the layers stay in $ENGINE. Only slirp4netns connects the namespace: the host gets no
# interface, no address and no firewall rule.
set -euo pipefail

TOP=$(dirname "$(dirname "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")")")
LOGS=$TOP/.dev/log
ENGINE=$XDG_CACHE_HOME/facet/docker/engine
BASE=debian:trixie-slim

die() {
    printf 'engine: %s\n' "$*" >&2
    exit 1
}

# wait_for SECONDS CMD...
wait_for() {
    local deadline=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        ((SECONDS < deadline)) || die "gave up waiting for: $*"
        sleep 0.1
    done
}

tap_has_address() { ip -brief address show tap0 | grep -q '10\.0\.2\.'; }

# The images start from the same bootstrap tree as the private roots, plus what this machine gives its
# own programs: mirror, certificates, configuration of pip and npm. So the Dockerfiles need no word of it.
import_base() {
    local work=/tmp/base hash label merged=/tmp/base/merged arguments=() name
    mkdir -p "$work"
    mount -t tmpfs tmpfs "$work"
    mkdir "$work"/{upper,work,merged}
    mount -t overlay overlay \
        -o "lowerdir=$XDG_CACHE_HOME/facet/bootstrap-trixie,upperdir=$work/upper,workdir=$work/work" "$merged"
    cp /etc/apt/sources.list "$merged/etc/apt/sources.list"
    cp /etc/apt/apt.conf.d/80facet-proxy "$merged/etc/apt/apt.conf.d/" 2>/dev/null || true
    # What the published slim image has too: no manuals, no fsync of every file.
    printf '%s\n' force-unsafe-io 'path-exclude=/usr/share/doc/*' 'path-include=/usr/share/doc/*/copyright' \
        'path-exclude=/usr/share/man/*' 'path-exclude=/usr/share/locale/*' >"$merged/etc/dpkg/dpkg.cfg.d/slim"
    if compgen -G '/usr/local/share/ca-certificates/*.crt' >/dev/null; then
        cp /usr/local/share/ca-certificates/*.crt "$merged/usr/local/share/ca-certificates/"
        chroot "$merged" update-ca-certificates --fresh >/dev/null 2>&1
    fi
    for name in /etc/npmrc /root/.npmrc /etc/pip.conf /root/.config/pip/pip.conf /root/.pip/pip.conf; do
        [[ ! -r $name ]] || install -D -m 644 "$name" "$merged$name"
    done
    while IFS= read -r name; do
        case $name in
            PIP_* | npm_config_* | NODE_EXTRA_CA_CERTS) arguments+=(-c "ENV $name=${!name}") ;;
        esac
    done < <(compgen -e)
    hash=$( (tar -C "$merged" --sort=name --mtime=@0 -c . && printf '%s\n' "${arguments[@]}") | sha256sum | cut -c1-64)
    label=$(docker image inspect -f '{{index .Config.Labels "facet.base"}}' "$BASE" 2>/dev/null) || true
    if [[ $label != "$hash" ]]; then
        tar -C "$merged" --sort=name -c . |
            docker import -c 'CMD ["bash"]' -c "LABEL facet.base=$hash" "${arguments[@]}" - "$BASE" >/dev/null
    fi
    umount "$merged" "$work"
}

# What a run that was killed left behind in the kept folder.
remove_leftovers() {
    local containers
    containers=$(docker ps -aq)
    # shellcheck disable=SC2086 # one word per container
    [[ -z $containers ]] || docker rm -f $containers >/dev/null
    docker volume prune -af >/dev/null
    docker network prune -f >/dev/null
    docker image prune -f >/dev/null
    docker builder prune -f --keep-storage 12GB >/dev/null
}

inside() {
    local engine status=0 group
    group=facet-$(</proc/sys/kernel/random/uuid)
    ip link set lo up
    wait_for 20 tap_has_address
    mkdir -p /var/lib/docker "$ENGINE" "$LOGS"
    mount --bind "$ENGINE" /var/lib/docker # a plain directory, which overlay2 needs
    # A limit above the one we have ourselves cannot be set in a container.
    dockerd --default-ulimit "nofile=$(ulimit -Hn):$(ulimit -Hn)" --cgroup-parent "/$group" \
        >"$LOGS/dockerd.log" 2>&1 &
    engine=$!
    wait_for 60 docker info
    remove_leftovers
    import_base
    "$@" || status=$?
    remove_leftovers
    kill "$engine"
    wait "$engine" || true
    # Empty groups are the only thing that outlives the namespaces.
    find /sys/fs/cgroup -depth -type d -path "*/$group*" -exec rmdir {} + 2>/dev/null || true
    return "$status"
}

outside() {
    local child slirp status=0
    unshare --net --kill-child=KILL --fork -- "$0" _inside "$@" &
    child=$!
    wait_for 10 in_own_network "$child"
    slirp4netns --configure --mtu=65520 --disable-host-loopback "$child" tap0 >"$LOGS/slirp.log" 2>&1 &
    slirp=$!
    wait "$child" || status=$?
    kill "$slirp"
    return "$status"
}

in_own_network() { [[ $(readlink "/proc/$1/ns/net") != "$(readlink /proc/self/ns/net)" ]]; }

if [[ ${1-} == _inside ]]; then
    shift
    inside "$@"
else
    mkdir -p "$LOGS"
    outside "$@"
fi
