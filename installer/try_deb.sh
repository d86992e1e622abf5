#!/bin/sh
# Tries the package on a bare Debian 12, as root: sh installer/try_deb.sh dist/marview_0.1.0_amd64.deb FOLDER
# Needs debootstrap, Xvfb, xdotool and ImageMagick. FOLDER gets the tree, what was said, and the window as a picture; what a
# user does is done by one who is not root.
set -eu
package=$(realpath "$1")
folder=$(realpath -m "$2")
tree=$folder/tree
display=:77
mkdir -p "$folder"
[ -e "$tree/bin/sh" ] || debootstrap --variant=minbase bookworm "$tree" > "$folder/debootstrap.log"

cleanup() {
    [ -z "${server:-}" ] || kill "$server" 2>/dev/null || true
    for place in tmp/.X11-unix dev/shm dev/pts dev proc; do umount "$tree/$place" 2>/dev/null || true; done
}
trap cleanup EXIT
mkdir -p "$tree/tmp/.X11-unix" /tmp/.X11-unix
for place in proc dev dev/pts dev/shm tmp/.X11-unix; do mount --bind "/$place" "$tree/$place"; done
cp /etc/resolv.conf "$tree/etc/resolv.conf"

inside() { env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 chroot "$tree" "$@"; }
as_user() {
    env -i PATH=/usr/bin:/bin HOME=/home/anna LC_ALL=C.UTF-8 DISPLAY=$display OMP_NUM_THREADS="${OMP_NUM_THREADS:-}" \
        "$(command -v chroot)" --userspec=anna:anna "$tree" sh -c 'cd; [ -n "$OMP_NUM_THREADS" ] || unset OMP_NUM_THREADS; exec "$@"' sh "$@"
}
files() { (cd "$tree" && find . -xdev \( -path ./proc -o -path ./dev -o -path ./tmp -o -path ./home -o -path ./var/cache -o -path ./var/log \
    -o -path ./run -o -path ./var/lib/apt -o -path ./var/lib/dpkg \) -prune -o -print | sort); }
timed() {
    begun=$(date +%s.%N)
    "$@" > "$folder/said.log" 2>&1 || { cat "$folder/said.log" >&2; exit 1; }
    echo "$(date +%s.%N) $begun" | awk -v what="$*" '{ sub(/^as_user /, "", what); printf "%7.1f s  %s\n", $1 - $2, what }'
}

inside apt-get update -qq
inside sh -c 'id anna >/dev/null 2>&1 || useradd --create-home anna'
[ -e "$tree/usr/lib/marview" ] || files > "$folder/before.txt"
cp "$package" "$tree/tmp/marview.deb"
timed inside apt-get install -y -qq /tmp/marview.deb
echo "package $(du -BMB "$package" | cut -f1), installed $(du -sBMB "$tree/usr/lib/marview" | cut -f1)"
inside desktop-file-validate /usr/share/applications/marview.desktop

timed as_user marview doctor
sed 's/^/           /' "$folder/said.log"
timed as_user marview demo --no-window --output demo
for method in nmar deep_sinogram_completion; do
    timed as_user marview reduce demo/study --method $method --slices 20-23 --output $method
    [ "$(find "$tree/home/anna/$method" -name '*.dcm' | wc -l)" = 40 ]
done

Xvfb $display -screen 0 1280x800x24 -ac -nolisten tcp 2>/dev/null &
server=$!
sleep 2
for start in first second third; do
    begun=$(date +%s.%N)
    as_user marview demo/study > "$folder/window.log" 2>&1 &
    until DISPLAY=$display xdotool search --onlyvisible --name marview >/dev/null 2>&1; do
        [ "$(echo "$(date +%s.%N) $begun" | awk '{ print ($1 - $2 < 120) }')" = 1 ] || { cat "$folder/window.log"; exit 1; }
        sleep 0.05
    done
    echo "$(date +%s.%N) $begun" | awk -v start=$start '{ printf "%7.1f s  %s start to the first window\n", $1 - $2, start }'
    sleep "${MARVIEW_LOOK_S:-10}"
    DISPLAY=$display import -window root "$folder/window.png"
    DISPLAY=$display xdotool search --onlyvisible --name marview windowfocus key ctrl+q
    wait $! || true
done

inside apt-get purge -y -qq marview >/dev/null 2>&1
inside apt-get autoremove --purge -y -qq >/dev/null 2>&1
files > "$folder/after.txt"
echo "left after removal, but for /home: $(comm -13 "$folder/before.txt" "$folder/after.txt" | tr '\n' ' ')"
find "$tree/home/anna" -maxdepth 3 -mindepth 1 | sed "s|$tree|           |" | head -n 20
