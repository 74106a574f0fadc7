# Boots a real systemd in namespaces of its own, on an overlay of / whose upper layer is in memory: nothing outside of it changes.
# $1: an empty directory. $2: berth. $3: a directory with `node_modules`. $4: a control group to begin in, or nothing.
set -e
[ -z "$4" ] || { mkdir -p "$4" && echo $$ >"$4/cgroup.procs"; } || true
exec unshare --fork --kill-child --pid --mount --cgroup --ipc --uts --net bash -e -c '
mount --make-rprivate /
mount -t tmpfs tmpfs "$1"
mkdir "$1/upper" "$1/work" "$1/new"
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$1/new"
cd "$1/new"
mkdir -p usr/local/bin opt/berth/node_modules
touch usr/local/bin/berth
mount --bind "$2" usr/local/bin/berth
mount --bind "$3" opt/berth/node_modules
mount -t proc proc proc
mount -t tmpfs tmpfs dev
for device in null zero full random urandom tty; do
    touch "dev/$device" && mount --bind "/dev/$device" "dev/$device"
done
ln -s /proc/self/fd dev/fd
# Services with devices of their own get a copy of it.
ln -s pts/ptmx dev/ptmx
mount -t tmpfs tmpfs tmp
mount -t tmpfs tmpfs run
# Read-only, so that its udev leaves the machine alone.
mount -t sysfs -o ro sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
ip link set lo up
# Nothing of the machine is started: only what systemd, its bus and its journal need.
rm -rf etc/systemd/system/*.wants
mkdir -p etc/systemd/system/multi-user.target.wants
for unit in getty.target console-getty.service systemd-logind.service systemd-resolved.service systemd-networkd.service \
    systemd-timesyncd.service systemd-tmpfiles-clean.timer apt-daily.timer apt-daily-upgrade.timer; do
    ln -sf /dev/null "etc/systemd/system/$unit"
done
for wanted in lib/systemd/system/multi-user.target.wants/* usr/lib/systemd/system/multi-user.target.wants/*; do
    case "$wanted" in */dbus.service | */systemd-*) ;; *) [ ! -e "$wanted" ] || ln -sf /dev/null "etc/systemd/system/${wanted##*/}" ;; esac
done
mkdir -p old
pivot_root . old
umount -l /old
export container=berth
exec /lib/systemd/systemd --system --unit=multi-user.target
' boot "$1" "$2" "$3" </dev/null >"$1.log" 2>&1
