# The four helpers of this build: pz_module, pz_program, pz_fuzz, pz_bench; tests stand beside their sources.

set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS ON) # cleanup attribute, statement expressions
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
if(NOT CMAKE_BUILD_TYPE)
	set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()

option(PZ_TESTS "build unit tests and simulation" OFF)
option(PZ_FUZZ "build libFuzzer targets (clang)" OFF)
option(PZ_BENCH "build the benchmarks" OFF)
set(PZ_SANITIZE "" CACHE STRING "-fsanitize= list, e.g. address,undefined")

find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
pkg_check_modules(SODIUM REQUIRED IMPORTED_TARGET libsodium)
pkg_check_modules(CRYPTO REQUIRED IMPORTED_TARGET libcrypto>=3.0)
pkg_check_modules(SSL REQUIRED IMPORTED_TARGET libssl>=3.0 libcrypto>=3.0)
pkg_check_modules(JANSSON REQUIRED IMPORTED_TARGET jansson)
pkg_check_modules(EXPAT REQUIRED IMPORTED_TARGET expat)
pkg_check_modules(PCRE2 REQUIRED IMPORTED_TARGET libpcre2-8)
pkg_check_modules(SQLITE REQUIRED IMPORTED_TARGET sqlite3)
pkg_check_modules(UV REQUIRED IMPORTED_TARGET libuv)
pkg_check_modules(AVAHI REQUIRED IMPORTED_TARGET avahi-core)
pkg_check_modules(DBUS REQUIRED IMPORTED_TARGET dbus-1)
pkg_check_modules(QRENCODE REQUIRED IMPORTED_TARGET libqrencode)
# Without pkg-config files in Debian.
foreach(library wslay http_parser)
	find_library(PZ_LIBRARY_${library} ${library} REQUIRED)
	add_library(Foreign::${library} INTERFACE IMPORTED)
	target_link_libraries(Foreign::${library} INTERFACE ${PZ_LIBRARY_${library}})
endforeach()
if(PZ_TESTS)
	pkg_check_modules(CMOCKA REQUIRED IMPORTED_TARGET cmocka)
endif()

# No clock that is right is before this. A package's build gives SOURCE_DATE_EPOCH; else the version's date, so that
# the same source makes the same program.
set(PZ_BUILD_TIME_S 1767225600) # 2026-01-01
if(DEFINED ENV{SOURCE_DATE_EPOCH})
	set(PZ_BUILD_TIME_S $ENV{SOURCE_DATE_EPOCH})
endif()
set_source_files_properties(${CMAKE_SOURCE_DIR}/src/base/clock.c PROPERTIES
	COMPILE_DEFINITIONS PZ_BUILD_TIME_S=${PZ_BUILD_TIME_S})

add_compile_definitions(_GNU_SOURCE PZ_VERSION="${PROJECT_VERSION}")
add_compile_options(-Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes
	-Wformat=2 -Wvla -Wswitch-enum -Wundef -Werror -fno-strict-aliasing -fstack-protector-strong -fPIE)
add_link_options(-Wl,-z,relro,-z,now,--as-needed)
if(CMAKE_BUILD_TYPE STREQUAL "Release")
	add_compile_definitions(PZ_NO_DEBUG_LOG _FORTIFY_SOURCE=2)
endif()
if(PZ_SANITIZE)
	add_compile_options(-fsanitize=${PZ_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
	# AddressSanitizer's table of globals is full of addresses. At a fixed place nothing has to put them right at each
	# start, and the tests start thousands of programs.
	add_link_options(-no-pie -fsanitize=${PZ_SANITIZE})
else()
	add_link_options(-pie)
endif()
if(PZ_FUZZ)
	add_compile_options(-fsanitize=fuzzer-no-link)
endif()
# Hundreds of tests are linked: gold, of binutils, needs a third of the time. What is installed is linked by default.
find_program(PZ_GOLD ld.gold)
if(PZ_TESTS AND PZ_GOLD AND NOT CMAKE_EXE_LINKER_FLAGS MATCHES "-fuse-ld=")
	add_link_options(-fuse-ld=gold)
endif()

include_directories(${CMAKE_SOURCE_DIR}/src)

# With AddressSanitizer the simulations spend most of our own part of their time in these modules: optimising them saves
# more than the compiler takes for it. For all the others it takes more than it saves.
set(PZ_BUSY_MODULES base wire sync)
function(pz_busy target)
	if(PZ_SANITIZE MATCHES address AND PZ_TESTS)
		target_compile_options(${target} PRIVATE -O1)
	endif()
endfunction()

# pz_unit_test(FOLDER SOURCE target...): a unit test, named FOLDER/FILE in ctest.
function(pz_unit_test folder source)
	get_filename_component(stem ${source} NAME_WE)
	set(target ${folder}_${stem})
	add_executable(${target} ${source})
	target_link_libraries(${target} PRIVATE ${ARGN} PkgConfig::CMOCKA)
	target_compile_definitions(${target} PRIVATE PZ_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
	add_test(NAME ${folder}/${stem} COMMAND ${target})
	set_tests_properties(${folder}/${stem} PROPERTIES TIMEOUT 120)
endfunction()

# pz_module(NAME [MAIN file...] [KIT target...] DEPS target...): static library of src/NAME/*.c; each *_test.c is a test,
# which links pz_kit_base and KIT, too. What several of its tests share is in *fixture*.c and fake_*.c: pz_NAME_fixture,
# a library for tests only.
function(pz_module name)
	cmake_parse_arguments(M "" "" "MAIN;KIT;DEPS" ${ARGN})
	file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${name}/*.c)
	set(tests ${sources})
	list(FILTER tests INCLUDE REGEX "_test\\.c$")
	set(fixtures ${sources})
	list(FILTER fixtures INCLUDE REGEX "/([a-z_]*fixture[a-z_]*|fake_[a-z_]*)\\.c$")
	list(FILTER sources EXCLUDE REGEX "(_test|/[a-z_]*fixture[a-z_]*|/fake_[a-z_]*)\\.c$")
	foreach(m ${M_MAIN})
		list(REMOVE_ITEM sources ${CMAKE_SOURCE_DIR}/src/${name}/${m})
	endforeach()
	if(sources)
		add_library(pz_${name} STATIC ${sources})
		target_link_libraries(pz_${name} PUBLIC ${M_DEPS})
		if(name IN_LIST PZ_BUSY_MODULES)
			pz_busy(pz_${name})
		endif()
	else()
		add_library(pz_${name} INTERFACE)
		target_link_libraries(pz_${name} INTERFACE ${M_DEPS})
	endif()
	if(PZ_TESTS)
		set(tested ${M_KIT} pz_kit_base pz_${name})
		if(fixtures)
			add_library(pz_${name}_fixture STATIC ${fixtures})
			target_link_libraries(pz_${name}_fixture PUBLIC ${tested} PkgConfig::CMOCKA)
			target_compile_definitions(pz_${name}_fixture PRIVATE PZ_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
			list(PREPEND tested pz_${name}_fixture)
		endif()
		foreach(t ${tests})
			pz_unit_test(${name} ${t} ${tested})
		endforeach()
	endif()
endfunction()

# pz_kit(NAME file... DEPS target...): static library of these files of src/kit, for tests, fuzz targets and benchmarks
# only; x_test.c beside x.c is its test. scripts/lint-layers reads from DEPS which modules the files may use.
function(pz_kit name)
	if(NOT (PZ_TESTS OR PZ_FUZZ OR PZ_BENCH))
		return()
	endif()
	cmake_parse_arguments(K "" "" "DEPS" ${ARGN})
	list(TRANSFORM K_UNPARSED_ARGUMENTS PREPEND ${CMAKE_SOURCE_DIR}/src/kit/)
	add_library(pz_kit_${name} STATIC ${K_UNPARSED_ARGUMENTS})
	target_link_libraries(pz_kit_${name} PUBLIC ${K_DEPS})
	foreach(file ${K_UNPARSED_ARGUMENTS})
		string(REGEX REPLACE "\\.c$" "_test.c" test ${file})
		if(PZ_TESTS AND EXISTS ${test})
			pz_unit_test(kit ${test} pz_kit_${name})
		endif()
	endforeach()
endfunction()

# pz_embed(TARGET FILE NAME): the bytes of a file as numbers with commas, for `#include <NAME>` in an array of TARGET.
function(pz_embed target file name)
	set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${file})
	file(READ ${CMAKE_SOURCE_DIR}/${file} bytes HEX)
	string(REGEX REPLACE "(..)" "0x\\1," bytes "${bytes}")
	file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/embed/${name} CONTENT "${bytes}\n" @ONLY)
	target_include_directories(${target} PRIVATE ${CMAKE_BINARY_DIR}/embed)
endfunction()

# pz_program(NAME MAIN LIBRARY): one executable.
function(pz_program name main library)
	if(EXISTS ${CMAKE_SOURCE_DIR}/${main})
		add_executable(${name} ${main})
		target_link_libraries(${name} PRIVATE ${library})
		# The system tests start the programs thousands of times, and a shared runtime is a third of the page
		# faults of a start.
		if(PZ_SANITIZE MATCHES address AND CMAKE_C_COMPILER_ID STREQUAL GNU)
			target_link_options(${name} PRIVATE -static-libasan -static-libubsan)
		endif()
	endif()
endfunction()

# pz_fuzz(NAME SOURCE [file.c...] LIBRARY...): a libFuzzer target; its corpus is fuzz/corpus/NAME.
function(pz_fuzz name)
	set(sources ${ARGN})
	list(FILTER sources INCLUDE REGEX "\\.c$")
	list(FILTER ARGN EXCLUDE REGEX "\\.c$")
	add_executable(fuzz_${name} ${sources} ${CMAKE_SOURCE_DIR}/fuzz/fuzz.c)
	target_link_libraries(fuzz_${name} PRIVATE ${ARGN} pz_kit_base pz_wire)
	target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
endfunction()

# pz_bench(NAME SOURCE LIBRARY...): a benchmark program.
function(pz_bench name source)
	add_executable(bench_${name} ${source})
	target_link_libraries(bench_${name} PRIVATE ${ARGN})
endfunction()
