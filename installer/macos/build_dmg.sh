#!/bin/sh
# Packs the frozen app as a disk image, on a Mac: sh installer/macos/build_dmg.sh dist/marview.app dist
# Set SIGNING_IDENTITY to a Developer ID to sign it; without one, it is signed for this Mac only.
set -eu
app=$1
output=$2
version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$(dirname "$0")/../../pyproject.toml")

codesign --force --deep --options runtime --entitlements "$(dirname "$0")/entitlements.plist" \
    --sign "${SIGNING_IDENTITY:--}" "$app"
codesign --verify --deep --strict "$app"
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
cp -R "$app" "$tree/"
ln -s /Applications "$tree/Applications"
hdiutil create -volname "marview $version" -srcfolder "$tree" -fs HFS+ -format ULMO -ov \
    "$output/marview-$version-$(uname -m).dmg"
