#!/usr/bin/env bash
# Creates the topics of the job on a broker, with Kafka's own tools: create-topics.sh BOOTSTRAP [REPLICATION_FACTOR]
set -euo pipefail
bootstrap=${1:?usage: create-topics.sh BOOTSTRAP [REPLICATION_FACTOR]}
replication=${2:-1}
bin=${KAFKA_HOME:-/opt/kafka}/bin

create() {
  local topic=$1 partitions=$2
  shift 2
  "$bin/kafka-topics.sh" --bootstrap-server "$bootstrap" --create --if-not-exists --topic "$topic" \
    --partitions "$partitions" --replication-factor "$replication" "$@"
}

create interactions 8
create interactions-dead-letters 1
# announcements are few and stay for ever
create releases 1 --config retention.ms=-1 --config message.timestamp.type=CreateTime
