#!/bin/sh
# Sees to the system libraries that Qt needs on a bare Debian or Ubuntu: installs them as root, else names them.
set -eu
python=${1:-python3}

if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    echo "marview needs Python 3.11 or newer; '$python' is $("$python" --version 2>&1 || echo missing). Say: make PYTHON=/path/to/python3" >&2
    exit 1
fi
command -v apt-get >/dev/null 2>&1 || exit 0

offscreen="libglib2.0-0 libgl1 libegl1 libxkbcommon0 libfontconfig1 libfreetype6 libdbus-1-3 fonts-dejavu-core"
window="libx11-xcb1 libxkbcommon-x11-0 libxcb-cursor0 libxcb-icccm4 libxcb-util1 libxcb-image0 libxcb-keysyms1 libxcb-render-util0 libxcb-render0 libxcb-shape0 libxcb-xkb1"
missing=""
for package in $offscreen $window; do
    # Newer releases renamed some to ...t64, which then provides the old name.
    if ! dpkg-query -W -f '${Status}\n' "$package" "${package}t64" 2>/dev/null | grep -q '^install ok'; then
        missing="$missing $package"
    fi
done
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    missing="$missing python3-venv"
fi
[ -z "$missing" ] && exit 0

if [ "$(id -u)" = 0 ]; then
    echo "Installing system libraries:$missing"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    # shellcheck disable=SC2086 - a list of packages
    apt-get install -y -qq --no-install-recommends $missing >/dev/null
else
    echo "marview needs these system packages first: sudo apt-get install$missing" >&2
    exit 1
fi
