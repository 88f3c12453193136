#!/usr/bin/env bash
# One Apache Kafka broker for development, from Maven Central's jars: needs Java 17 and, the first time, Maven.
#   run.sh          fetch what is missing, then run the broker on 127.0.0.1:19092 until Ctrl-C
#   run.sh fetch    only fetch the jars
#   run.sh libs     the same, and say where they are
# CORRIDOR_KAFKA_DIR: where its data is (runs/kafka); CORRIDOR_KAFKA_LIBS: where jars are kept (runs/kafka/libs);
# CORRIDOR_KAFKA_PORT: its port (19092), the controller takes the next one.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
root="$(cd "$here/../../.." && pwd)"
dir="${CORRIDOR_KAFKA_DIR:-$root/runs/kafka}"
port="${CORRIDOR_KAFKA_PORT:-19092}"

# Jars of another pom.xml are not these jars.
libs="${CORRIDOR_KAFKA_LIBS:-$root/runs/kafka/libs}/$(sha256sum "$here/pom.xml" | cut -c1-16)"
if [ ! -f "$libs/.complete" ]; then
  command -v mvn >/dev/null || { echo "Kafka's jars are not in $libs, and there is no mvn to fetch them" >&2; exit 3; }
  mkdir -p "$libs"
  mvn -q -B -f "$here/pom.xml" dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$libs" >&2
  touch "$libs/.complete"
fi
[ "${1:-}" != fetch ] || exit 0
[ "${1:-}" != libs ] || { echo "$libs"; exit 0; }
command -v java >/dev/null || { echo "there is no java (Java 17 or later runs the broker)" >&2; exit 3; }

mkdir -p "$dir"
sed -e "s|@PORT@|$port|g" -e "s|@CONTROLLER_PORT@|$((port + 1))|g" -e "s|@DATA@|$dir/data|g" \
  "$here/server.properties" >"$dir/server.properties"
java=(java -Xms128m -Xmx384m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xshare:auto -Djava.awt.headless=true -cp "$libs/*")
if [ ! -f "$dir/data/meta.properties" ]; then
  # Any 16 bytes, in base64 without padding, name a cluster; a name that began with `-` would be taken for an option.
  id="$(head -c 16 /dev/urandom | base64 | tr '+/' '-_' | tr -d '=' | sed 's/^-/A/')"
  "${java[@]}" kafka.tools.StorageTool format -t "$id" -c "$dir/server.properties" >&2
fi
echo "Kafka on 127.0.0.1:$port, its data in $dir; stop it with Ctrl-C" >&2
exec "${java[@]}" kafka.Kafka "$dir/server.properties"
