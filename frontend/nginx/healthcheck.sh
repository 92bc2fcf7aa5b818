#!/bin/bash
# Whether the page is served; without a program for it, since the image has none.
exec 3<>"/dev/tcp/127.0.0.1/${PORT:-3000}" || exit 1
printf 'GET / HTTP/1.0\r\nUser-Agent: healthcheck\r\n\r\n' >&3
read -r -t 2 -u 3 _ status _
[[ $status == 200 ]]
