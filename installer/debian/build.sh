#!/bin/sh
# Packs the frozen program as a .deb: sh installer/debian/build.sh dist/marview dist
set -eu
frozen=$1
output=$2
here=$(cd "$(dirname "$0")/.." && pwd)
version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$here/../pyproject.toml")
architecture=$(dpkg --print-architecture)
newest_libc=2.35 # of Ubuntu 22.04, the oldest system the package is for

needed_libc=$(find "$frozen" -name '*.so*' -type f -exec grep -aoh 'GLIBC_2\.[0-9]*' {} + | sort -uV | tail -n 1 | cut -d_ -f2)
if [ "$(printf '%s\n%s\n' "$needed_libc" "$newest_libc" | sort -V | tail -n 1)" != "$newest_libc" ]; then
    echo "The frozen program needs glibc $needed_libc and Ubuntu 22.04 has $newest_libc. Build it on an older system." >&2
    exit 1
fi

# One list of system libraries for the checkout and the package.
eval "$(grep -E '^(offscreen|window)=' "$here/system_libraries.sh")"
comma_separated() {
    printf '%s\n' "$@" | sed 's/^libglib2.0-0$/libglib2.0-0 | libglib2.0-0t64/' | paste -sd, | sed 's/,/, /g'
}

root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
chmod 755 "$root"
mkdir -p "$root/DEBIAN" "$root/usr/bin" "$root/usr/lib" "$root/usr/share/doc/marview/examples"
cp -a "$frozen" "$root/usr/lib/marview"
ln -s ../lib/marview/marview "$root/usr/bin/marview"
install -Dm 644 "$here/desktop/marview.desktop" "$root/usr/share/applications/marview.desktop"
install -Dm 644 "$here/desktop/marview.xml" "$root/usr/share/mime/packages/marview.xml"
install -Dm 644 -t "$root/usr/share/metainfo" "$here/desktop/org.marview.marview.metainfo.xml"
install -Dm 644 "$here/../resources/icons/marview.svg" "$root/usr/share/icons/hicolor/scalable/apps/marview.svg"
install -Dm 644 "$here/marview-watch.service" "$root/usr/share/doc/marview/examples/marview-watch.service"
install -Dm 644 "$here/../docs/operators.md" "$root/usr/share/doc/marview/operators.md"
{
    echo "marview"
    echo
    cat "$here/../LICENSE"
    printf '\nParts of others, in /usr/lib/marview; their notices are in /usr/lib/marview/NOTICES.txt.\n'
} > "$root/usr/share/doc/marview/copyright"
gzip -9nc "$here/../CHANGELOG.md" > "$root/usr/share/doc/marview/changelog.gz"

# shellcheck disable=SC2086 - lists of packages
cat > "$root/DEBIAN/control" <<CONTROL
Package: marview
Version: $version
Architecture: $architecture
Maintainer: The marview authors <marview@localhost>
Section: science
Priority: optional
Installed-Size: $(du -sk "$root/usr" | cut -f1)
Depends: libc6 (>= $needed_libc), libstdc++6 (>= 11), $(comma_separated $offscreen)
Recommends: $(comma_separated $window), shared-mime-info, desktop-file-utils
Description: CT viewer for metal artifact reduction
 See metal in CT, edit its mask, watch its trace in the sinogram and run any
 metal artifact reduction method, in a window or unattended. For research, not
 for diagnosis.
CONTROL
# What Python and numba compile, where root runs the program, goes with it.
cat > "$root/DEBIAN/postrm" <<'POSTRM'
#!/bin/sh
set -e
case "$1" in remove | purge) rm -rf /usr/lib/marview ;; esac
POSTRM
chmod 755 "$root/DEBIAN/postrm"
find "$root/usr" -type d -exec chmod 755 {} +
(cd "$root" && find usr -type f -print0 | sort -z | xargs -0 md5sum > DEBIAN/md5sums)
chmod 644 "$root/DEBIAN/control" "$root/DEBIAN/md5sums"
package="$output/marview_${version}_$architecture.deb"
dpkg-deb --root-owner-group -Zzstd -z9 --build "$root" "$package" >/dev/null
echo "$package: $(du -BMB "$package" | cut -f1), $(du -sBMB "$root/usr" | cut -f1) installed"
