# Maven as the scripts call it; sourced, never run.
# shellcheck shell=bash

# Runs Maven and shows on standard error how many files it has fetched, and errors. Where that is no terminal there are
# plain lines without escapes. Needs pipefail, so that Maven's failure is the function's.
maven() {
  local terminal=0
  [[ -t 2 ]] && terminal=1
  mvn -B -Dstyle.color=never "$@" 2>&1 | awk -v terminal="$terminal" '
    { gsub(/\033\[[0-9;]*m/, "") }
    /^Downloaded from / {
      fetched++
      if (terminal) { printf "\r  %d files fetched", fetched; drawn = 1 }
      else if (fetched % 100 == 0) print "  " fetched " files fetched"
      fflush()
      next
    }
    /^\[(ERROR|FATAL)\]/ {
      if (drawn) { print ""; drawn = 0 }
      print
      fflush()
    }
    END { if (drawn) print "" }' >&2
}

# Compiles src/jmh together with the main classes, and leaves their class path in target/jmh/classpath. Needs root.
build_jmh() {
  mkdir -p "$root/target/jmh"
  echo "${0##*/}: building ..." >&2
  (cd "$root" && maven -Pjmh -DskipTests compile dependency:build-classpath \
    -Dmdep.outputFile="$root/target/jmh/classpath" -Dmdep.includeScope=compile)
}

# Compiles the tests where anything is newer, and prints the class path to run their classes with. Needs root.
test_classpath() {
  local listed=$root/target/tests.classpath
  if [[ ! -f $listed ]] ||
    [[ -n $(find "$root/src" "$root/schemas" "$root/pom.xml" -newer "$listed" -print -quit) ]]; then
    echo "${0##*/}: building ..." >&2
    (cd "$root" && maven test-compile dependency:build-classpath \
      -Dmdep.outputFile="$listed.new" -Dmdep.includeScope=test) || return
    mv "$listed.new" "$listed"
  fi
  printf '%s' "$root/target/classes:$root/target/test-classes:$(cat "$listed")"
}

# Fetches Apicurio's registry (140 MB, once) and prints the path of its jar. Needs root.
registry_server() {
  local version=2.6.13.Final server=$root/target/registry-server
  local jar=$server/apicurio-registry-app-$version-runner.jar
  if [[ ! -e $jar ]]; then
    echo "${0##*/}: fetching Apicurio's registry (140 MB) ..." >&2
    (cd "$root" && maven org.apache.maven.plugins:maven-dependency-plugin:3.8.1:unpack \
      -Dartifact="io.apicurio:apicurio-registry-app:$version:tar.gz:all" -DoutputDirectory="$server") || return
  fi
  printf '%s' "$jar"
}
