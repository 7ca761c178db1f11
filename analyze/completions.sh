#!/usr/bin/env bash
# Completions for bash, zsh and fish, made from what the programs say of themselves (--help), so that they cannot fall behind.
# analyze/completions.sh BUILD OUT
set -euo pipefail
build=$1 out=$2
mkdir -p "$out"
programs=(replica kv simulate analyze)

options() { grep -oE -- '--[a-z][a-z-]*' | sort -u | tr '\n' ' '; }
commands() { "$build/$1" --help | sed -n "$2" | sort -u | tr '\n' ' '; }
# "FORMAT  text, json, ... or tap" and the like are for people: values of options are left to file names.
analyze_commands=$(commands analyze 's/^  \([a-z][a-z]*\)  .*/\1/p')
kv_commands=$(commands kv 's/^ *kv \[OPTION\]\.\.\. \([a-z][a-z]*\).*/\1/p;s/^usage: kv \[OPTION\]\.\.\. \([a-z][a-z]*\).*/\1/p')
declare -A of
for p in "${programs[@]}"; do of[$p]=$("$build/$p" --help | options); done
for c in $analyze_commands; do of[analyze $c]=$("$build/analyze" "$c" --help 2>&1 | options); done

{
    echo "# bash completion for Faultline"
    echo "_faultline() {"
    echo "    local cur=\${COMP_WORDS[COMP_CWORD]} first=\${COMP_WORDS[1]:-} words="
    echo "    case \${COMP_WORDS[0]##*/} in"
    for p in replica simulate; do echo "    *$p) words='${of[$p]}' ;;"; done
    echo "    *kv) [[ \$cur == -* ]] && words='${of[kv]}' || words='$kv_commands' ;;"
    echo "    *analyze)"
    echo "        if ((COMP_CWORD == 1)); then words='$analyze_commands ${of[analyze]}'; else"
    echo "            case \$first in"
    for c in $analyze_commands; do echo "            $c) words='${of[analyze $c]}' ;;"; done
    echo "            help) words='$analyze_commands' ;;"
    echo "            esac"
    echo "        fi ;;"
    echo "    esac"
    echo "    [[ \$cur == -* || \$COMP_CWORD == 1 || \$first == help ]] && mapfile -t COMPREPLY < <(compgen -W \"\$words\" -- \"\$cur\")"
    echo "    return 0"
    echo "}"
    echo "complete -o default -F _faultline faultline-replica faultline-kv faultline-simulate faultline-analyze"
} >"$out/faultline.bash"

{
    echo "#compdef faultline-replica faultline-kv faultline-simulate faultline-analyze"
    echo "local -a words"
    echo "case \$service in"
    for p in replica simulate; do echo "*$p) words=(${of[$p]}) ;;"; done
    echo "*kv) words=($kv_commands ${of[kv]}) ;;"
    echo "*analyze)"
    echo "    if ((CURRENT == 2)); then words=($analyze_commands ${of[analyze]}); else"
    echo "        case \$words[2] in"
    for c in $analyze_commands; do echo "        $c) words=(${of[analyze $c]}) ;;"; done
    echo "        esac"
    echo "    fi ;;"
    echo "esac"
    echo "compadd -a words"
    echo "_files"
} | sed 's/local -a words/local -a offered/; s/ words=(/ offered=(/; s/compadd -a words/compadd -a offered/' >"$out/_faultline"

{
    echo "# fish completion for Faultline"
    for p in replica kv simulate; do
        for o in ${of[$p]}; do echo "complete -c faultline-$p -l ${o#--}"; done
    done
    for c in $kv_commands; do echo "complete -c faultline-kv -n __fish_use_subcommand -a $c"; done
    for c in $analyze_commands; do
        echo "complete -c faultline-analyze -n __fish_use_subcommand -a $c"
        for o in ${of[analyze $c]}; do echo "complete -c faultline-analyze -n '__fish_seen_subcommand_from $c' -l ${o#--}"; done
    done
    for o in ${of[analyze]}; do echo "complete -c faultline-analyze -n __fish_use_subcommand -l ${o#--}"; done
} >"$out/faultline.fish"
