# Unpacks the cases of tests/diff/cases/*.txt: one text holds many small trees.
#
#	awk -v to=FOLDER -v shared=FOLDER -f unpack.awk CASES.txt ...
#
#	=== NAME [error|objects|refused|accepted] [like NAME] [in FOLDER]
#	-- PATH --			a file; its lines follow
#	-- PATH = SHARED --		a copy of shared/SHARED.yaml
#	-- PATH -> TARGET --		a symlink
#	-- PATH base64 --		a file, written as base64
#	-- PATH open --			a file without a newline at its end
#	!! TEXT				before the files: our message holds it
#
# A case is the folder to/SUBJECT/NAME with tree/ (the files), want (what both
# must do) and in (the folder to build, "." when none is named). Written to
# standard output: what a shell has to do (base64, symlinks). "like NAME" begins
# with the files of an earlier case of the same text. Lines that begin with "## "
# are comments.
function quote(s) { gsub(/'/, "'\\''", s); return "'" s "'" }
function fail(why) { print FILENAME ":" FNR ": " why >"/dev/stderr"; bad = 1; exit 1 }
function folder_of(path) { sub(/\/[^\/]*$/, "", path); return path }
function folder(path) {
	if (path in made)
		return
	made[path] = 1
	system("mkdir -p " quote(path))
}
function shut() {
	if (out == "")
		return
	if (open_end)
		printf "%s", kept >out
	close(out)
	out = ""
}
function copy(name, path, line, got) {
	while ((got = (getline line <(shared "/" name ".yaml"))) > 0) {
		print line >path
		n++
	}
	if (got < 0)
		fail("there is no shared file " name)
	close(shared "/" name ".yaml")
	close(path)
}
function like(name, from) {
	from = to "/" subject "/" name
	if (!(from in seen))
		fail("there is no case " name " above")
	folder(dir)
	system("cp -R " quote(from "/tree") " " quote(dir "/tree"))
	where = places[from]
}
FNR == 1 {
	shut()
	subject = FILENAME
	sub(/.*\//, "", subject)
	sub(/\.txt$/, "", subject)
	dir = ""
}
/^## / { next }
/^=== / {
	shut()
	dir = to "/" subject "/" $2
	if (dir in seen)
		fail("case " $2 " is there already")
	seen[dir] = 1
	want = "same"
	where = "."
	for (i = 3; i <= NF; i++) {
		if ($i == "in")
			where = $++i
		else if ($i == "like")
			like($++i)
		else
			want = $i
	}
	if (want !~ /^(same|error|objects|refused|accepted)$/)
		fail("a case wants same, error, objects, refused or accepted, not " want)
	folder(dir "/tree")
	places[dir] = where
	print want >(dir "/want")
	print where >(dir "/in")
	close(dir "/want")
	close(dir "/in")
	next
}
/^-- .* --$/ {
	shut()
	if (dir == "")
		fail("a file before the first case")
	path = dir "/tree/" $2
	if (path in seen)
		fail("file " $2 " is there already")
	seen[path] = 1
	folder(folder_of(path))
	open_end = $3 == "open"
	kept = ""
	if ($3 == "=") {
		copy($4, path)
	} else if ($3 == "->") {
		print "ln -s " quote($4) " " quote(path)
	} else {
		out = path
		if ($3 == "base64") {
			out = path ".base64"
			print "base64 -d " quote(out) " >" quote(path) "\nrm " quote(out)
		}
		printf "" >out
	}
	next
}
out == "" && dir != "" && /^!! / {
	print substr($0, 4) >(dir "/says")
	close(dir "/says")
	next
}
out != "" && open_end { kept = kept (kept == "" ? "" : "\n") $0; next }
out != "" { print >out; next }
{ fail("a line outside of a file: " $0) }
END { if (!bad) shut(); exit bad }
