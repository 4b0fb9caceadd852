# The strict set; -Werror in CI's preset only. Assertions stay on in every build type: CMake's release types define NDEBUG, undone here.
add_library(jejak_build_options INTERFACE)
target_compile_options(jejak_build_options INTERFACE
  -Wall -Wextra -Wconversion -Wsign-conversion -Wshadow -Wcast-qual -Wcast-align -Wswitch-enum -Wvla
  -Wmissing-prototypes -Wstrict-prototypes -Wold-style-definition -Wpointer-arith -Wformat=2 -Wundef -Wwrite-strings
  -UNDEBUG -fno-common)
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
  target_compile_options(jejak_build_options INTERFACE -Wno-format-truncation -Wlogical-op -Wduplicated-cond -Wjump-misses-init)
endif()
target_compile_definitions(jejak_build_options INTERFACE _GNU_SOURCE JEJAK_VERSION="${PROJECT_VERSION}")
target_include_directories(jejak_build_options INTERFACE ${PROJECT_SOURCE_DIR})
include(cmake/hardening.cmake)
if(JEJAK_WERROR)
  target_compile_options(jejak_build_options INTERFACE -Werror)
endif()
if(JEJAK_SANITIZE)
  target_compile_options(jejak_build_options INTERFACE -fsanitize=${JEJAK_SANITIZE} -fno-omit-frame-pointer
    -fno-sanitize-recover=all -U_FORTIFY_SOURCE)
  target_link_options(jejak_build_options INTERFACE -fsanitize=${JEJAK_SANITIZE})
endif()
