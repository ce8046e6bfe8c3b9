# A bare Debian in a folder, for try_bare_machine, try_container and try_python. Sourced after lib.sh; needs root and debootstrap.
# shellcheck shell=bash

# What this machine tells apt, pip and TLS by the environment: as NAME=VALUE lines.
network_environment() { env | grep -E '^(PIP_[A-Z_]+|SSL_CERT_[A-Z]+|[A-Z_]+_CA_BUNDLE|[a-zA-Z]+_(proxy|PROXY))=' || true; }

# The first archive that this machine's apt uses.
debian_mirror() {
  cat /etc/apt/sources.list.d/*.sources /etc/apt/sources.list 2>/dev/null |
    awk '$1 == "URIs:" { print $2; exit } $1 == "deb" { print ($2 ~ /^\[/ ? $3 : $2); exit }'
}

# make_root SUITE FOLDER [PACKAGE...]: minimal Debian; it reaches the networks by the ways that this machine does.
make_root() {
  local suite="$1" root="$2"
  shift 2
  local packages=(ca-certificates "$@")
  quietly debootstrap debootstrap --variant=minbase --include="$(IFS=,; echo "${packages[*]}")" \
    "$suite" "$root" "$(debian_mirror)" || return
  connect_root "$suite" "$root"
}

# connect_root SUITE FOLDER: apt, pip and TLS in it are told what they are told on this machine. Can be repeated.
connect_root() {
  local suite="$1" root="$2" here file
  here="$(. /etc/os-release && echo "$VERSION_CODENAME")"
  cp -L /etc/resolv.conf "$root/etc/resolv.conf"
  [[ ! -e /etc/pip.conf ]] || cp /etc/pip.conf "$root/etc/pip.conf"
  if [[ -e /etc/apt/sources.list.d/debian.sources && "$suite" != sid ]]; then  # sid has no updates and no security
    rm -f "$root/etc/apt/sources.list"
    sed "s/\\b$here\\b/$suite/g" /etc/apt/sources.list.d/debian.sources >"$root/etc/apt/sources.list.d/debian.sources"
  fi
  for file in /etc/apt/apt.conf.d/*; do
    dpkg-query -S "$file" >/dev/null 2>&1 || cp "$file" "$root/etc/apt/apt.conf.d/"
  done
  cp -r /usr/local/share/ca-certificates/. "$root/usr/local/share/ca-certificates/" 2>/dev/null || true
  quietly certificates chroot "$root" update-ca-certificates
}

# run_in_root FOLDER COMMAND...: this shell becomes COMMAND in /root/tricorn there, with this machine's ways to the
# networks, and $PYTHON where that is set.
run_in_root() {
  local root="$1" environment=(PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 ${PYTHON:+"PYTHON=$PYTHON"})
  shift
  mapfile -t -O "${#environment[@]}" environment < <(network_environment)
  # shellcheck disable=SC2016
  exec chroot "$root" env -i "${environment[@]}" sh -c 'cd /root/tricorn && exec "$@"' sh "$@"
}

# drop_root FOLDER: unmounts what is mounted below it, then removes it; never what is mounted.
drop_root() {
  local root="$1"
  [[ -d "$root" ]] || return 0
  awk -v root="$root/" 'index($2, root) == 1 { print $2 }' /proc/self/mounts | sort -r | while read -r mounted; do
    umount -l "$mounted"
  done
  rm -rf --one-file-system "$root"
}

# A port that is free now.
free_port() { "$(find_python)" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

# wait_until SECONDS COMMAND...: until it succeeds, asked four times a second.
wait_until() {
  local tries=$(($1 * 4))
  shift
  until "$@" >/dev/null 2>&1; do
    ((tries-- > 0)) || return 1
    sleep 0.25
  done
}
