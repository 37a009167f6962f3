# Sourced by the lab's scripts.
CACHE=${TSRUN_CACHE:-/var/cache/tsrun}
GUEST=${LAB_GUEST:-$CACHE/guest}       # a Debian sid tree, also the root of the lab's kernel
KERNEL=/root/uml/usr/bin/linux.uml     # inside the tree
CRI_PROTO=/root/cri-api/usr/share/gocode/src/k8s.io/cri-api/pkg/apis/runtime/v1/api.proto
LAB=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
REPOSITORY=$(cd "$LAB/../.." && pwd)
die() {
	echo "lab: $*" >&2
	exit 125
}
