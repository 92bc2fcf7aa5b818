#!/bin/sh
# Writes nginx's settings from the environment and becomes nginx. An empty variable counts as not
# set, and what is not understood to the letter goes nowhere near the configuration.
set -eu
export LC_ALL=C

BACKEND_URL=${BACKEND_URL:-http://inference:5000}
MAX_BODY_BYTES=${MAX_BODY_BYTES:-20971520}
PORT=${PORT:-3000}
UNREADY_BACKEND_URL=${UNREADY_BACKEND_URL:-}

main() {
    port "$PORT" || refuse PORT "$PORT" "a port between 1 and 65535"
    number "$MAX_BODY_BYTES" 2147483647 ||
        refuse MAX_BODY_BYTES "$MAX_BODY_BYTES" "a number of bytes between 1 and 2147483647"
    address="the API's address, such as http://127.0.0.1:5000"
    url "$BACKEND_URL" || refuse BACKEND_URL "$BACKEND_URL" "$address"
    [ -z "$UNREADY_BACKEND_URL" ] || url "$UNREADY_BACKEND_URL" ||
        refuse UNREADY_BACKEND_URL "$UNREADY_BACKEND_URL" "$address"
    settings >/tmp/settings.conf
    exec nginx -e stderr -c /etc/page/nginx.conf
}

refuse() {
    printf '%s is "%s"; give %s\n' "$1" "$(printf %s "$2" | tr -c '[:print:]' '?')" "$3" >&2
    exit 2
}

settings() {
    cat <<SETTINGS
listen $PORT;
client_max_body_size $MAX_BODY_BYTES;
set \$max_body_bytes $MAX_BODY_BYTES;
set \$backend $(origin "$BACKEND_URL");
set \$backend_path "$(path "$BACKEND_URL")";
set \$unready_backend "$(origin "$UNREADY_BACKEND_URL")";
set \$unready_backend_path "$(path "$UNREADY_BACKEND_URL")";
resolver $(resolvers) valid=5s;
SETTINGS
    if [ -e /proc/net/if_inet6 ]; then
        echo "listen [::]:$PORT;"
    fi
    case "$BACKEND_URL $UNREADY_BACKEND_URL" in
    *https://*)
        echo "proxy_ssl_verify on;"
        echo "proxy_ssl_verify_depth 5;"
        echo "proxy_ssl_trusted_certificate /etc/ssl/certs/ca-certificates.crt;"
        ;;
    esac
}

# What goes before an address's path, and the path without a slash at its end.
origin() {
    printf '%s\n' "$1" | sed -E 's,^([a-z]+://[^/]+).*,\1,'
}

path() {
    printf '%s\n' "$1" | sed -E 's,^[a-z]+://[^/]+,,; s,/$,,'
}

# The system's name servers; its own default when it names none (resolv.conf(5)).
resolvers() {
    found=$(sed -nE \
        -e 's/^nameserver[[:space:]]+([0-9.]+)[[:space:]]*$/\1/p' \
        -e 's/^nameserver[[:space:]]+([0-9A-Fa-f:.]+)[[:space:]]*$/[\1]/p' /etc/resolv.conf)
    echo ${found:-127.0.0.1}
}

url() {
    # Lines are matched one by one, so there may be no second.
    case $1 in
    *[![:print:]]*) return 1 ;;
    esac
    printf '%s\n' "$1" | grep -qE \
        '^https?://([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]+)?(/[A-Za-z0-9._~-]+)*/?$' || return 1
    authority=${1#*://}
    authority=${authority%%/*}
    case ${authority##*\]} in
    *:*) port "${authority##*:}" ;;
    esac
}

port() {
    number "$1" 65535
}

# Whether a text is a whole number from 1 to a limit, without a zero before it.
number() {
    case $1 in
    '' | 0* | *[!0-9]* | ???????????*) return 1 ;;
    esac
    [ "$1" -le "$2" ]
}

main
