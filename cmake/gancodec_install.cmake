# install(): headers, xsimd's headers beside them, the CMake package, the pkg-config file, the program and its weights.

include(CMakePackageConfigHelpers)

install(TARGETS gancodec EXPORT gancodecTargets FILE_SET HEADERS)
install(DIRECTORY "${GANCODEC_XSIMD_INCLUDE_DIR}/xsimd" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}/gancodec-deps")
set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/gancodec")
install(EXPORT gancodecTargets NAMESPACE gancodec:: DESTINATION "${package_dir}")
configure_package_config_file(cmake/gancodecConfig.cmake.in "${PROJECT_BINARY_DIR}/gancodecConfig.cmake"
    INSTALL_DESTINATION "${package_dir}")
write_basic_package_version_file("${PROJECT_BINARY_DIR}/gancodecConfigVersion.cmake"
    COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)
install(FILES "${PROJECT_BINARY_DIR}/gancodecConfig.cmake" "${PROJECT_BINARY_DIR}/gancodecConfigVersion.cmake"
    DESTINATION "${package_dir}")

set(pc_openmp "")
if(OpenMP_CXX_FOUND)
    set(pc_openmp "${OpenMP_CXX_FLAGS}")
endif()
configure_file(cmake/gancodec.pc.in "${PROJECT_BINARY_DIR}/gancodec.pc" @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/gancodec.pc" DESTINATION "${CMAKE_INSTALL_DATADIR}/pkgconfig")

if(GANCODEC_BUILD_CLI)
    install(TARGETS gancodec_cli)
endif()
file(GLOB weights CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/weights/*.safetensors")
install(FILES ${weights} DESTINATION "${CMAKE_INSTALL_DATADIR}/gancodec")
