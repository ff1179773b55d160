# What `make install` puts below DESTDIR and PREFIX. Units go below lib/, which is where systemd
# looks also for the prefix /usr/local, whatever the architecture's library directory is.
include(GNUInstallDirs)
set(PZ_UNIT_DIR lib/systemd CACHE STRING "below the prefix, where systemd's units go")

install(TARGETS pzpd pzhd pzp pzh RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(FILES man/pzp.1 man/pzh.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES man/pzpd.8 man/pzhd.8 DESTINATION ${CMAKE_INSTALL_MANDIR}/man8)
install(FILES packaging/bash-completion/pzp packaging/bash-completion/pzh
	DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)

foreach(unit system/pzpd system/pzhd user/pzpd user/pzhd)
	configure_file(packaging/systemd/${unit}.service.in systemd/${unit}.service @ONLY)
	get_filename_component(kind ${unit} DIRECTORY)
	install(FILES ${CMAKE_BINARY_DIR}/systemd/${unit}.service DESTINATION ${PZ_UNIT_DIR}/${kind})
endforeach()

set(PZ_DOC_DIR ${CMAKE_INSTALL_DATADIR}/doc/personal-zone)
install(FILES README.md SECURITY.md CHANGELOG.md LICENSE DESTINATION ${PZ_DOC_DIR})
install(DIRECTORY docs/ DESTINATION ${PZ_DOC_DIR}/docs FILES_MATCHING PATTERN "*.md")
install(FILES packaging/pzpd.conf.example packaging/pzhd.conf.example
	DESTINATION ${PZ_DOC_DIR}/examples)
