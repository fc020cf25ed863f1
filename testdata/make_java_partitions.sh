#!/usr/bin/env bash
# Makes java_partitions.csv with Kafka's own Java client, whose jars scripts/services downloads.
set -euo pipefail
cd "$(dirname "$0")/.."

jars="${KAFKA_JARS:-${REPLAYER_SERVICES_DIR:-.services}/cache/jars}"
if ! compgen -G "$jars/kafka-clients-*.jar" >/dev/null; then
    echo "error: no Kafka client in $jars: run scripts/services up first" >&2
    exit 1
fi
java -Dfile.encoding=UTF-8 -cp "$jars/*" testdata/JavaPartitions.java >testdata/java_partitions.csv.new
mv testdata/java_partitions.csv.new testdata/java_partitions.csv
