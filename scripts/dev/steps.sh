# shellcheck shell=bash
# What the commands of ./dev do, once on Debian 13. Sourced by ./dev.

set_environment() {
    export CCACHE_DIR=$CACHE/ccache CCACHE_BASEDIR=$TOP CCACHE_NOHASHDIR=1 CCACHE_MAXSIZE=5G
    export CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
    export CMAKE_C_COMPILER_LAUNCHER=ccache CMAKE_CXX_COMPILER_LAUNCHER=ccache
    export npm_config_cache=$CACHE/npm npm_config_update_notifier=false
    export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0='*'
}

cmd_shell() {
    if (($# == 0)); then
        exec bash
    fi
    exec "$@"
}
