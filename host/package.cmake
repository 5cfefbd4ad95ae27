# What is installed, the Debian package (cpack -G DEB), and the programs that only tests use.
install(TARGETS dixis RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(DIRECTORY runbooks lib/meta DESTINATION ${CMAKE_INSTALL_DATADIR}/dixis FILES_MATCHING PATTERN "*.lua")
install(DIRECTORY .github/workflows DESTINATION ${CMAKE_INSTALL_DATADIR}/dixis
  FILES_MATCHING PATTERN "*.yml" PATTERN ci.yml EXCLUDE)
find_program(GZIP gzip REQUIRED)
set(MANUAL ${CMAKE_BINARY_DIR}/dixis.1.gz)
add_custom_command(OUTPUT ${MANUAL} COMMAND ${GZIP} -9nc ${CMAKE_SOURCE_DIR}/docs/dixis.1 > ${MANUAL}
  DEPENDS docs/dixis.1 VERBATIM)
add_custom_target(manual ALL DEPENDS ${MANUAL})
install(FILES ${MANUAL} DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} RENAME copyright)
install(FILES README.md DESTINATION ${CMAKE_INSTALL_DOCDIR} OPTIONAL)
install(DIRECTORY docs/ DESTINATION ${CMAKE_INSTALL_DOCDIR} FILES_MATCHING PATTERN "*.md")

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME dixis)
set(CPACK_PACKAGE_CONTACT "dixis contributors <dixis@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "runbooks for Prisma migrations on PostgreSQL")
set(CPACK_PACKAGE_DESCRIPTION
  "A runbook says how a dangerous database change is made: which gates must open,\n\
which steps run and which criteria must be green. dixis runs it and keeps a\n\
hash-chained record of what happened to the database.")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION database)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
# Loaded when first used, so that nothing in the binary names them.
set(CPACK_DEBIAN_PACKAGE_DEPENDS "libpq5, libcurl4, libssl3, tzdata")
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "postgresql, lua-busted")
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
  OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
include(CPack)

# Built by script/check: ninja dixis-sweep
add_executable(dixis-sweep EXCLUDE_FROM_ALL spec/alloc_sweep.c)
target_link_libraries(dixis-sweep PRIVATE dixis_host)
