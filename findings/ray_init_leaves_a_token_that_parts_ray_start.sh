#!/usr/bin/env bash
# ray 2.60.0 on Linux: after one `ray.init()` a second `ray start` no longer joins the cluster of the first.
#
# Guess: `ray start --head` and `ray start --address=...` of one user on one machine make a cluster, whatever ran before.
# Seen: without a variable RAY_AUTH_MODE, a local `ray.init()` turns authentication on for itself and writes a token to
# ~/.ray/auth_token, where it stays. From then on `ray start --head` finds it and asks for it. `ray start --address` does
# not look for it: it takes the mode for "disabled", sends no token and ends with an AuthenticationError. In a home
# without the token both commands make a cluster, without authentication. RAY_AUTH_MODE=token for both is the remedy
# where the token is; RAY_AUTH_MODE=disabled, where the network is trusted.
set -euo pipefail
folder=$(mktemp -d)
# Sockets of ray need a short path.
trap 'HOME="$folder" "$folder/venv/bin/ray" stop --force > /dev/null 2>&1 || true; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet "ray==2.60.0"
ray() { env -i PATH="$PATH" HOME="$folder" RAY_USAGE_STATS_ENABLED=0 RAY_raylet_start_wait_time_s=300 "${@}"; }

join() { # a head, and a node that joins it: its exit status
    local port=$1 out=$2
    ray "$folder/venv/bin/ray" start --head --port="$port" --num-cpus=0 --include-dashboard=false > "$out.head" 2>&1
    local address
    address=$(grep -oE "[0-9.]+:$port" "$out.head" | head -1)
    local status=0
    ray "$folder/venv/bin/ray" start --address="$address" --num-cpus=1 > "$out" 2>&1 || status=$?
    ray "$folder/venv/bin/ray" stop --force > /dev/null 2>&1
    return $status
}

join 6391 "$folder/before" # works
[ ! -e "$folder/.ray/auth_token" ]
ray "$folder/venv/bin/python" -c "import ray; ray.init(address='local', include_dashboard=False)" > /dev/null 2>&1
[ -s "$folder/.ray/auth_token" ]
if join 6392 "$folder/after"; then echo "the second node has joined"; exit 1; fi
grep -o "AuthenticationError.*RAY_AUTH_MODE is currently 'disabled'" "$folder/after" | head -1
