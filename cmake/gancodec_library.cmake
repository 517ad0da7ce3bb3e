# The library: an INTERFACE target that carries C++20, the include folders and OpenMP, and no other flag.

find_path(GANCODEC_XSIMD_INCLUDE_DIR xsimd/xsimd.hpp
    HINTS "${PROJECT_SOURCE_DIR}/build/deps/include"
    DOC "Folder that holds xsimd/xsimd.hpp, version 14 or newer")
set(xsimd_major 0)
if(GANCODEC_XSIMD_INCLUDE_DIR)
    file(STRINGS "${GANCODEC_XSIMD_INCLUDE_DIR}/xsimd/config/xsimd_config.hpp" xsimd_major REGEX "#define XSIMD_VERSION_MAJOR ")
    string(REGEX REPLACE ".* ([0-9]+)$" "\\1" xsimd_major "${xsimd_major}")
endif()
if(xsimd_major LESS 14)
    set(found "version ${xsimd_major} in ${GANCODEC_XSIMD_INCLUDE_DIR}")
    unset(GANCODEC_XSIMD_INCLUDE_DIR CACHE)
    message(FATAL_ERROR "xsimd: expected version 14 or newer, found ${found}. "
        "Run tools/setup, or give -DGANCODEC_XSIMD_INCLUDE_DIR=FOLDER.")
endif()

if(GANCODEC_OPENMP)
    find_package(OpenMP COMPONENTS CXX)
    if(NOT OpenMP_CXX_FOUND)
        message(WARNING "OpenMP: expected support in ${CMAKE_CXX_COMPILER}, found none: everything runs on one thread.")
    endif()
endif()

add_library(gancodec INTERFACE)
add_library(gancodec::gancodec ALIAS gancodec)
target_compile_features(gancodec INTERFACE cxx_std_20)

if(GANCODEC_SINGLE_HEADER)
    set(gancodec_include "${PROJECT_SOURCE_DIR}/single_include")
    set(gancodec_headers "${gancodec_include}/gancodec.hpp")
else()
    set(gancodec_include "${PROJECT_SOURCE_DIR}/include")
    file(GLOB_RECURSE gancodec_headers CONFIGURE_DEPENDS "${gancodec_include}/*.hpp")
endif()
target_sources(gancodec INTERFACE FILE_SET HEADERS BASE_DIRS "${gancodec_include}" FILES ${gancodec_headers})
target_include_directories(gancodec SYSTEM INTERFACE
    "$<BUILD_INTERFACE:${GANCODEC_XSIMD_INCLUDE_DIR}>"
    "$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}/gancodec-deps>")
if(OpenMP_CXX_FOUND)
    target_link_libraries(gancodec INTERFACE OpenMP::OpenMP_CXX)
endif()
