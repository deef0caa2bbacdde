#!/usr/bin/env bash
# make_root.sh TREE: builds a root with all packages and gives it its name when complete.
# Runs as the first process of its own mount and PID namespace; environment: CACHE MIRROR SUITE PACKAGES.
set -euo pipefail
tree=$1
bootstrap=$CACHE/bootstrap-$SUITE
new=$CACHE/tmp/root

if [[ -z $(find "$bootstrap" -maxdepth 0 -mtime -30 2>/dev/null) ]]; then
    rm -rf --one-file-system "$bootstrap"
    if command -v mmdebstrap >/dev/null; then
        mmdebstrap --variant=minbase --include=ca-certificates "$SUITE" "$CACHE/tmp/bootstrap" "$MIRROR"
    else
        debootstrap --variant=minbase --include=ca-certificates "$SUITE" "$CACHE/tmp/bootstrap" "$MIRROR"
    fi
    touch "$CACHE/tmp/bootstrap"
    mv "$CACHE/tmp/bootstrap" "$bootstrap"
fi
cp -a --reflink=auto "$bootstrap" "$new"

mount -t proc proc "$new/proc"
mount --rbind /dev "$new/dev"
mount --bind "$CACHE/debs" "$new/var/cache/apt/archives"
cat /etc/resolv.conf >"$new/etc/resolv.conf"
cat /etc/hosts >"$new/etc/hosts"
printf 'deb %s %s main\ndeb %s %s-updates main\n' "$MIRROR" "$SUITE" "$MIRROR" "$SUITE" >"$new/etc/apt/sources.list"
rm -f "$new"/etc/apt/sources.list.d/*
printf '#!/bin/sh\nexit 101\n' >"$new/usr/sbin/policy-rc.d" # no package starts a service
chmod +x "$new/usr/sbin/policy-rc.d"
cat >"$new/etc/dpkg/dpkg.cfg.d/facet" <<'E2'
force-unsafe-io
path-exclude=/usr/share/man/*
path-exclude=/usr/share/doc/*
path-include=/usr/share/doc/*/copyright
E2
if compgen -G '/usr/local/share/ca-certificates/*.crt' >/dev/null; then
    cp /usr/local/share/ca-certificates/*.crt "$new/usr/local/share/ca-certificates/"
    chroot "$new" update-ca-certificates
fi
if command -v apt-config >/dev/null; then
    apt-config dump | grep -E '^Acquire::(http|https)::.*Proxy' >"$new/etc/apt/apt.conf.d/80facet-proxy" || true
fi

in_root() { DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 chroot "$new" "$@"; }
in_root apt-get update -q
# shellcheck disable=SC2086 # one word per package
in_root apt-get install -y -q --no-install-recommends -o APT::Keep-Downloaded-Packages=true $PACKAGES

umount "$new/var/cache/apt/archives"
umount -R "$new/dev"
umount "$new/proc"
touch "$tree.lock"
mv "$new" "$tree"
