#!/usr/bin/env bash
# enter.sh CMD...: runs CMD in a private overlay on top of $DEV_TREE, the checkout at its own path.
# Runs as the first process of its own mount and PID namespace; environment: TOP CACHE DEV_*.
set -euo pipefail

w=$CACHE/mnt
r=$w/root
mount -t tmpfs -o mode=755,size=75% tmpfs "$w"
mkdir "$r" "$w/upper" "$w/work"
mount -t overlay overlay -o "lowerdir=$DEV_TREE,upperdir=$w/upper,workdir=$w/work" "$r"
mount -t proc proc "$r/proc"
mount --rbind /sys "$r/sys"
mount --rbind /dev "$r/dev"
mount -t tmpfs -o mode=755 tmpfs "$r/run"
mkdir "$r/run/lock"

bind() { # bind DIR [ro]: at the same path inside
    mkdir -p "$r$1"
    mount --rbind "$1" "$r$1"
    [[ ${2-} != ro ]] || mount -o remount,bind,ro "$r$1"
}
while read -r dir; do
    [[ -z $dir ]] || bind "$dir" ro
done <<<"$DEV_READ_ONLY"
for dir in "$CACHE"/{ccache,npm,tidy,tests,s3-server,monitors,debs} "$TOP" ${FACET_DEV_BINDS-}; do
    bind "$dir"
done
mount --bind "$CACHE/debs" "$r/var/cache/apt/archives"
chmod 1777 "$r/tmp"

# What the root has from its host: names, certificates, client configuration.
cat /etc/resolv.conf >"$r/etc/resolv.conf"
cat /etc/hosts >"$r/etc/hosts"
certs=usr/local/share/ca-certificates
if ! diff -q <(cat "/$certs"/*.crt 2>/dev/null) <(cat "$r/$certs"/*.crt 2>/dev/null) >/dev/null; then
    rm -f "$r/$certs"/*.crt
    cp "/$certs"/*.crt "$r/$certs/" 2>/dev/null || true
    chroot "$r" update-ca-certificates --fresh >/dev/null
fi
copy() { # copy FILE DEST
    [[ ! -r $1 ]] || install -D -m 600 "$1" "$r$2"
}
copy /etc/npmrc /etc/npmrc
copy "$HOME/.npmrc" /root/.npmrc
copy /etc/pip.conf /etc/pip.conf
copy "$HOME/.config/pip/pip.conf" /root/.config/pip/pip.conf
copy "$HOME/.pip/pip.conf" /root/.pip/pip.conf

pass=()
while IFS= read -r name; do
    case $name in
        FACET_* | CI | TERM | COLORTERM | NO_COLOR | PIP_* | npm_config_* | *_proxy | *_PROXY) pass+=("$name=${!name}") ;;
    esac
done < <(compgen -e)

# pivot_root, not chroot: whoever enters this namespace, or makes another from it, as a container engine
# does, gets this root too. The host's is unmounted here.
cd "$r"
pivot_root . .
umount -l .
cd /
# Not exec: this shell stays as the namespace's init, reaps, and passes the exit code on (and is
# silenced, so that it does not report the program's death by a signal at length).
exec 3>&2 2>/dev/null
env -i -C "$([[ $DEV_CWD/ == "$TOP"/* ]] && echo "$DEV_CWD" || echo "$TOP")" \
    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 \
    DEBIAN_FRONTEND=noninteractive NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt \
    XDG_CACHE_HOME="$(dirname "$CACHE")" FACET_DEV_ROOT=1 "${pass[@]}" "$@" 2>&3 3>&-
exit $?
