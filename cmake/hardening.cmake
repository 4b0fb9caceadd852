# What makes a bug in our own code harder to use. Position-independent programs are what the compilers of Debian and Ubuntu
# make by themselves; tests/scripts/hardened.sh reads all of it back from the programs.
include(CheckCCompilerFlag)
target_compile_options(jejak_build_options INTERFACE -fstack-protector-strong -fstack-clash-protection)
target_link_options(jejak_build_options INTERFACE -Wl,-z,relro,-z,now,-z,noexecstack)

# Returns and indirect jumps are checked by the processor: x86 only.
check_c_compiler_flag(-fcf-protection=full JEJAK_HAS_CF_PROTECTION)
if(JEJAK_HAS_CF_PROTECTION)
  target_compile_options(jejak_build_options INTERFACE -fcf-protection=full)
endif()

# Level 3, which also knows sizes that are known at run time only, from gcc 12 on.
if(CMAKE_C_COMPILER_ID STREQUAL "GNU" AND CMAKE_C_COMPILER_VERSION VERSION_GREATER_EQUAL 12)
  target_compile_options(jejak_build_options INTERFACE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3)
else()
  target_compile_options(jejak_build_options INTERFACE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
endif()
