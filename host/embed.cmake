# Turns the Lua library into two C files: an assembler source that includes each compiled chunk and a
# table of names. Run by the build whenever a Lua file changes:
#   cmake -D OUT=dir -D LUAC=luac5.4 -D SOURCE=dir -P host/embed.cmake
# Chunks are compiled by luac (start-up stays short, mistakes end the build) and keep their debug
# information; their names are @lib/..., @runbooks/....
file(GLOB_RECURSE lib RELATIVE ${SOURCE} ${SOURCE}/lib/dixis/*.lua)
file(GLOB_RECURSE runbooks RELATIVE ${SOURCE} ${SOURCE}/runbooks/*.lua)
set(assembly ".section .rodata\n")
set(table "")
set(declarations "")
set(index 0)

# name: the module or file name; path: relative to SOURCE, or absolute; compile: or keep as text; then
# options for luac
function(embed name path compile)
  if(compile)
    set(blob ${OUT}/chunk_${index}.luac)
    execute_process(COMMAND ${LUAC} ${ARGN} -o ${blob} ${path} WORKING_DIRECTORY ${SOURCE} RESULT_VARIABLE failed)
    if(failed)
      message(FATAL_ERROR "${path} does not compile")
    endif()
  else()
    get_filename_component(blob ${path} ABSOLUTE BASE_DIR ${SOURCE})
  endif()
  string(APPEND assembly ".global dx_chunk_${index}, dx_chunk_${index}_end\n"
    "dx_chunk_${index}: .incbin \"${blob}\"\ndx_chunk_${index}_end: .byte 0\n")
  string(APPEND declarations "extern const char dx_chunk_${index}[], dx_chunk_${index}_end[];\n")
  string(APPEND table "    {\"${name}\", sizeof \"${name}\" - 1, dx_chunk_${index}, dx_chunk_${index}_end},\n")
  math(EXPR next "${index} + 1")
  set(index ${next} PARENT_SCOPE)
  set(assembly "${assembly}" PARENT_SCOPE)
  set(declarations "${declarations}" PARENT_SCOPE)
  set(table "${table}" PARENT_SCOPE)
endfunction()

foreach(path IN LISTS lib)
  string(REGEX REPLACE "^lib/(.*)\\.lua$" "\\1" name ${path})
  string(REPLACE "/" "." name ${name})
  embed(${name} ${path} TRUE)
endforeach()
embed(argparse ${ARGPARSE} TRUE -s) # a library that is not ours to debug: half the size without
foreach(path IN LISTS runbooks) # text: `dixis init` writes them out, and runbooks load as text only
  embed(${path} ${path} FALSE)
endforeach()

string(APPEND assembly ".section .note.GNU-stack,\"\",@progbits\n")
file(WRITE ${OUT}/chunks.S "${assembly}")
file(WRITE ${OUT}/chunks.h "${declarations}\nstatic const struct chunk chunks[] = {\n${table}    {NULL, 0, NULL, NULL},\n};\n")
