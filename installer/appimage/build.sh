#!/bin/sh
# Packs the frozen program as an AppImage: sh installer/appimage/build.sh dist/marview dist
# The packer is appimagetool, from the AppImage project; APPIMAGETOOL says where it is.
set -eu
frozen=$1
output=$2
here=$(cd "$(dirname "$0")/.." && pwd)
version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$here/../pyproject.toml")
tree="$output/marview.AppDir"

rm -rf "$tree"
mkdir -p "$tree/usr/lib" "$tree/usr/bin" "$tree/usr/share/metainfo"
cp -a "$frozen" "$tree/usr/lib/marview"
ln -s ../lib/marview/marview "$tree/usr/bin/marview"
cp "$here/desktop/marview.desktop" "$here/../resources/icons/marview.svg" "$tree/"
cp "$here/desktop/org.marview.marview.metainfo.xml" "$tree/usr/share/metainfo/org.marview.marview.appdata.xml"
ln -s marview.svg "$tree/.DirIcon"
printf '#!/bin/sh\nexec "$(dirname "$(readlink -f "$0")")/usr/lib/marview/marview" "$@"\n' > "$tree/AppRun"
chmod 755 "$tree/AppRun"

if ! command -v "${APPIMAGETOOL:-appimagetool}" >/dev/null 2>&1; then
    echo "appimagetool is missing, so only its input was made: $tree. Set APPIMAGETOOL to its place." >&2
    exit 1
fi
ARCH=$(uname -m) "${APPIMAGETOOL:-appimagetool}" "$tree" "$output/marview-$version-$(uname -m).AppImage"
rm -rf "$tree"
