# Third-party libraries, all from the distribution's packages. Each is confined to one or two of our files.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
pkg_check_modules(ZMQ REQUIRED IMPORTED_TARGET libzmq)
pkg_check_modules(SODIUM REQUIRED IMPORTED_TARGET libsodium)
pkg_check_modules(SECCOMP REQUIRED IMPORTED_TARGET libseccomp)
pkg_check_modules(ROCKSDB REQUIRED IMPORTED_TARGET rocksdb)
pkg_check_modules(JANSSON REQUIRED IMPORTED_TARGET jansson)
pkg_check_modules(INIH REQUIRED IMPORTED_TARGET inih)
pkg_check_modules(XXHASH REQUIRED IMPORTED_TARGET libxxhash)
# msgpack-c's C library is called msgpack on Debian 12 and msgpack-c on Ubuntu 24.04.
pkg_search_module(MSGPACK REQUIRED IMPORTED_TARGET msgpack-c msgpack)
# Newer ones name a folder "include" relative to nothing; the headers are where the compiler looks anyway.
get_target_property(msgpack_includes PkgConfig::MSGPACK INTERFACE_INCLUDE_DIRECTORIES)
list(FILTER msgpack_includes INCLUDE REGEX "^/")
set_target_properties(PkgConfig::MSGPACK PROPERTIES INTERFACE_INCLUDE_DIRECTORIES "${msgpack_includes}")
find_library(CSV_LIBRARY csv REQUIRED) # libcsv has neither pkg-config nor CMake files
