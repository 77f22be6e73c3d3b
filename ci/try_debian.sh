#!/bin/sh
# Installs, uses and removes the Debian package beside this file. ci/release_debian.sh runs it in a clean Debian.
set -eu

files() {
    find / -xdev \( -path /proc -o -path /dev -o -path /run -o -path /tmp -o -path /given -o -path /var/lib/dpkg -o -path /var/cache -o -path /var/log \
        -o -path /var/lib/apt -o -path /root \) -prune -o -print | sort
}

apt-get -qq update
# Not of the package: a compiler, and what the checks run. No service manager starts.
apt-get -qq install --no-install-recommends gcc libc6-dev pkg-config systemd man-db bash-completion curl >/dev/null
files >/root/before

apt-get -qq install --no-install-recommends /given/ndsharray_*.deb >/dev/null
dpkg --status ndsharray | grep -E '^(Version|Depends)'
dpkg --verify ndsharray

# The programs, beside each other.
ndsharray --version
ndsharray mirror --version
ndsharray demo >/dev/null
man --pager=cat ndsharray-record >/dev/null
grep -q ndsharray /usr/share/bash-completion/completions/ndsharray
find /usr/lib/systemd/system -name 'ndsharray-*' -exec systemd-analyze verify {} +

# As the services run them, in the store under /dev/shm.
printf 12345678 | ndsharray pipe pose --dtype u1 --shape 8
ndsharray serve >/dev/null 2>&1 &
serve=$!
ndsharray mirror --offer '*' --listen tcp/127.0.0.1:7447 2>/dev/null &
mirror=$!
for _ in 1 2 3 4 5 6 7 8 9 10; do
    [ "$(curl --silent http://127.0.0.1:8080/tag/pose/latest.json | grep -c '"version"')" -eq 0 ] || break
    sleep 1
done
curl --silent --fail http://127.0.0.1:8080/healthz >/dev/null
ndsharray mirror status
ndsharray record --duration 1 -o /root/run.mcap
kill "$serve" "$mirror"
wait "$serve"
wait "$mirror"
ndsharray rm pose

# The library, shared and static, as pkg-config has it.
cd /root
# shellcheck disable=SC2046
cc /given/camera.c -o shared $(pkg-config --cflags --libs ndsharray)
# shellcheck disable=SC2046
cc /given/camera.c -o static /usr/lib/*/libndsharray.a $(pkg-config --libs --static ndsharray | sed 's/-lndsharray//')
./shared cam 0.2
./static cam 0.2
ldd shared | grep libndsharray
[ -z "$(ls -A /dev/shm)" ]

dpkg --purge ndsharray >/dev/null
files >/root/after
diff /root/before /root/after
! ldconfig -p | grep -q libndsharray
echo "installed, used and removed"
