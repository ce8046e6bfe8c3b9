# What all scripts share: where the tree is, how they speak, who is root, and which Python they use. Sourced, never run.
# shellcheck shell=bash
set -euo pipefail

ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)"
BUILD="$ROOT/build"
VENV="$BUILD/venv"
LOGS="$BUILD/logs"

if [[ -t 1 && -z "${NO_COLOR:-}" ]]; then
  BOLD=$'\e[1m' RED=$'\e[31m' GREEN=$'\e[32m' BLUE=$'\e[34m' PLAIN=$'\e[0m'
else
  BOLD='' RED='' GREEN='' BLUE='' PLAIN=''
fi

say() { printf '%s\n' "$*"; }
step() { printf '%s==>%s %s%s%s\n' "$BLUE" "$PLAIN" "$BOLD" "$*" "$PLAIN"; }
ok() { printf '%s%s%s\n' "$GREEN" "$*" "$PLAIN"; }
die() {
  printf '%serror:%s %s\n' "$RED" "$PLAIN" "$*" >&2
  exit 1
}

# quietly NAME COMMAND...: keeps the noise in build/logs/NAME.log and shows its end only when the command fails.
quietly() {
  local log="$LOGS/$1.log" status=0
  shift
  mkdir -p "$LOGS"
  "$@" >"$log" 2>&1 </dev/null || status=$?
  if ((status != 0)); then
    tail -n 80 "$log" >&2
    printf '%serror:%s "%s" failed (exit code %d); its whole output: %s\n' "$RED" "$PLAIN" "$*" "$status" "$log" >&2
  fi
  return "$status"
}

# The Python that everything is built for: $PYTHON, else the first python3 on PATH; the file itself, not a shim.
find_python() {
  local python="${PYTHON:-python3}"
  command -v "$python" >/dev/null || die "no $python found; set PYTHON to a Python 3.11 or newer"
  "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || die "$python is too old: 3.11 is the oldest supported"
  "$python" -c 'import sys; print(sys.executable)'
}

# ensure_venv REQUIREMENTS: build/venv exists, belongs to our Python and holds the pinned packages. Quick when it does.
ensure_venv() {
  local requirements="$1" python tag stamp want
  python="$(find_python)" || return
  tag="$(cache_tag "$python")" || return
  stamp="$VENV/.installed-$(basename "$(dirname "$requirements")")"
  want="$tag $(cat "$ROOT/examples/requirements.txt" "$requirements" | sha256sum)"
  mkdir -p "$BUILD"
  {
    flock 8
    if [[ "$(cache_tag "$VENV/bin/python")" != "$tag" ]]; then
      step "Making ${VENV#"$ROOT"/}"
      quietly venv "$python" -m venv --clear "$VENV" || return
    fi
    if [[ "$(cat "$stamp" 2>/dev/null)" != "$want" ]]; then
      step "Installing ${requirements#"$ROOT"/} into ${VENV#"$ROOT"/}"
      quietly pip "$VENV/bin/python" -m pip install --disable-pip-version-check -r "$requirements" || return
      printf '%s\n' "$want" >"$stamp"
    fi
  } 8>"$BUILD/venv.lock"
}

# "cpython-311": interpreters with the same tag share extension modules. Nothing when there is no such interpreter.
cache_tag() { "$1" -c 'import sys; print(sys.implementation.cache_tag)' 2>/dev/null; }
