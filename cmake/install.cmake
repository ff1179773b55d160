# What `make install` puts below DESTDIR and PREFIX. Units go below lib/, which is where systemd
# looks also for the prefix /usr/local, whatever the architecture's library directory is.
include(GNUInstallDirs)
set(PZ_UNIT_DIR lib/systemd CACHE STRING "below the prefix, where systemd's units go")

install(TARGETS pzpd pzhd pzp pzh RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(FILES man/pzp.1 man/pzh.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES man/pzpd.8 man/pzhd.8 DESTINATION ${CMAKE_INSTALL_MANDIR}/man8)
# One file for four programs; bash-completion looks for it by the program's name.
foreach(program pzp pzh pzpd pzhd)
	install(FILES packaging/bash-completion/pzp RENAME ${program}
		DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
endforeach()
install(FILES packaging/zsh/_pzp DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/vendor-completions)
foreach(program pzp pzh pzpd pzhd)
	install(FILES packaging/fish/pzp.fish RENAME ${program}.fish
		DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
endforeach()

foreach(unit system/pzpd system/pzhd user/pzpd user/pzhd)
	configure_file(packaging/systemd/${unit}.service.in systemd/${unit}.service @ONLY)
	get_filename_component(kind ${unit} DIRECTORY)
	install(FILES ${CMAKE_BINARY_DIR}/systemd/${unit}.service DESTINATION ${PZ_UNIT_DIR}/${kind})
endforeach()

set(PZ_DOC_DIR ${CMAKE_INSTALL_DATADIR}/doc/personal-zone)
install(FILES README.md ARCHITECTURE.md CONTRIBUTING.md SECURITY.md CHANGELOG.md LICENSE DESTINATION ${PZ_DOC_DIR})
install(DIRECTORY docs/ DESTINATION ${PZ_DOC_DIR}/docs FILES_MATCHING PATTERN "*.md")
install(FILES packaging/pzpd.conf.example packaging/pzhd.conf.example
	examples/devices.html examples/devices.js DESTINATION ${PZ_DOC_DIR}/examples)
# The library for pages is compiled in; this is the package for Node.js and bundlers.
install(FILES web/README.md web/package.json web/webinos.js web/webinos.mjs web/webinos.d.ts
	DESTINATION ${PZ_DOC_DIR}/web)
install(DIRECTORY packaging/policies/ DESTINATION ${CMAKE_INSTALL_DATADIR}/personal-zone/policies
	FILES_MATCHING PATTERN "*.xml")
