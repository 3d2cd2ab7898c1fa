# Writes files into a C table: cmake -DROOT=DIR -DFILES=a;b -DOUT=x.c -P embed.cmake
# Each is at its path below ROOT; the table (cmd/syncctl/manifests.h) is sorted by it.
list(SORT FILES)
set(arrays "")
set(rows "")
set(n 0)
foreach(file ${FILES})
	file(RELATIVE_PATH path ${ROOT} ${file})
	file(READ ${file} hex HEX)
	string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
	string(APPEND arrays "static const unsigned char file_${n}[] = { ${bytes} 0 };\n")
	string(APPEND rows "\t{ \"${path}\", file_${n}, sizeof(file_${n}) - 1 },\n")
	math(EXPR n "${n} + 1")
endforeach()
file(WRITE ${OUT}.new "#include \"manifests.h\"\n\n${arrays}
const struct manifest_file manifest_files[] = {\n${rows}};
const size_t manifest_files_len = ${n};\n")
file(RENAME ${OUT}.new ${OUT})
