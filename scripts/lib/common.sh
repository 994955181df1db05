# What scripts/cluster, scripts/kafka and scripts/flink share; sourced, never run.
# shellcheck shell=bash
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# shellcheck source=scripts/lib/maven.sh
source "$root/scripts/lib/maven.sh"
# shellcheck source=scripts/lib/malloc.sh
source "$root/scripts/lib/malloc.sh"
java=${JAVA_HOME:+$JAVA_HOME/bin/}java
# where processes keep configuration, logs, pids and data
dir=${MURMURATION_CLUSTER_DIR:-$root/murmuration-cluster}
# plugins of Flink, such as the file systems of object storage: see scripts/plugin
[[ -n ${FLINK_PLUGINS_DIR:-} || ! -d $root/plugins ]] || export FLINK_PLUGINS_DIR=$root/plugins
# for hdfs://: see scripts/hadoop-classpath
hadoop_classpath=${HADOOP_CLASSPATH:+:$HADOOP_CLASSPATH}${HADOOP_CONF_DIR:+:$HADOOP_CONF_DIR}

fail() {
  echo "${0##*/}: $*" >&2
  exit 1
}

# Needs an absolute path, since processes outlive the working directory of who started them.
use_dir() {
  mkdir -p "$1" || fail "cannot create the directory $1"
  dir=$(cd "$1" && pwd)
}

# Newer sources than this file?
stale() {
  [[ ! -e $1 ]] || [[ -n $(find "$root/src/main" "$root/schemas" "$root/pom.xml" -newer "$1" -print -quit) ]]
}

# The newest; nothing before the first build, which is no failure.
job_jar() {
  find "$root/target" -maxdepth 1 -name 'murmuration-*-job.jar' -printf '%T@ %p\n' 2>/dev/null | sort -rn | head -1 | cut -d' ' -f2- || true
}

# The job jar and what belongs into Flink's lib/, built when sources are newer.
build_job() {
  local jar
  jar=$(job_jar)
  if [[ -z $jar ]] || stale "$jar"; then
    echo "${0##*/}: building (the first time downloads about 400 MB of libraries) ..." >&2
    (cd "$root" && maven -Dmaven.test.skip=true package) || fail "the build failed; see above"
  fi
}

# Copies what a pom beside this file names to target/, with all that it depends on: fetch NAME WHAT
fetch() {
  local pom=$root/scripts/lib/$1-pom.xml done=$root/target/$1/.complete
  if [[ ! -e $done || $pom -nt $done ]]; then
    echo "${0##*/}: fetching $2 ..." >&2
    rm -rf "${root:?}/target/$1"
    maven -f "$pom" dependency:copy-dependencies -DincludeScope=runtime \
      -DoutputDirectory="$root/target/$1" || fail "$2 could not be fetched; see above"
    touch "$done"
  fi
}

# Flink itself, from Maven artefacts.
build_flink_dist() { fetch flink-dist "Flink (about 180 MB the first time)"; }

# Flink's SQL client.
build_flink_sql() { fetch flink-sql "Flink's SQL client (about 45 MB the first time)"; }

# Hadoop's client, as far as hdfs:// needs it.
build_hadoop_client() { fetch hadoop-client "Hadoop's client (50 MB the first time)"; }

# Flink's lib/: what the distribution has, and what the job needs there; then Hadoop's classes where they are given, as
# Flink's own scripts have it.
flink_classpath() {
  printf '%s' "$root/target/flink-dist/*:$root/target/flink-lib/*$hadoop_classpath"
}

# Options for every JVM of Flink (env.java.opts.all), which Flink's own scripts hand over and its main classes ignore.
java_options() { sed -n 's/^      all: //p' "$dir/conf/config.yaml" | tr -d "'\""; }

pid_file() { printf '%s' "$dir/run/$1.pid"; }

# The pid of a process of ours that is alive; a pid that something else has got since does not count.
alive() {
  local file pid
  file=$(pid_file "$1")
  [[ -e $file ]] || return 1
  pid=$(<"$file")
  [[ $(ps -p "$pid" -o args= 2>/dev/null) == *"-Dmurmuration.process=$1 "* ]] || return 1
  printf '%s' "$pid"
}

# Starts a process that outlives this script: launch NAME COMMAND...
launch() {
  local name=$1
  shift
  mkdir -p "$dir/run" "$dir/log"
  nohup "$@" </dev/null >"$dir/log/$name.out" 2>&1 &
  echo $! >"$(pid_file "$name")"
  disown $!
}

# Waits until a command succeeds, as long as a process lives: await SECONDS NAME COMMAND...
await() {
  local seconds=$1 name=$2 end
  shift 2
  end=$((SECONDS + seconds))
  until "$@"; do
    alive "$name" >/dev/null || {
      tail -20 "$dir/log/$name.out" >&2
      fail "$name did not start; its logs are in $dir/log"
    }
    ((SECONDS < end)) || fail "$name did not answer within $seconds s; its logs are in $dir/log"
    sleep 0.3
  done
}

# Ends a process: end NAME [SIGNAL]. Waits until it is gone; after 30 s it is killed.
end() {
  local name=$1 signal=${2:-TERM} pid end
  if pid=$(alive "$name"); then
    kill "-$signal" "$pid"
    end=$((SECONDS + 30))
    while kill -0 "$pid" 2>/dev/null; do
      ((SECONDS < end)) || { kill -KILL "$pid" 2>/dev/null || true; }
      sleep 0.1
    done
    echo "$name: ended"
  fi
  rm -f "$(pid_file "$name")"
}
