# Which features each case of tests/diff/cases/*.txt uses, told from the fields of the
# kustomizations of its tree; see pairs.sh.
#
#	awk -v must=pairs.txt -v show=matrix -f pairs.awk CASES.txt ...
#
# Written: "missing A B" for each pair of the list `must` that no case has; "unknown A"
# for a feature in it that is none; show=matrix: the matrix of how many cases have both;
# show=A,B: their names. Cases that want an error are not counted: they end before the two meet.
BEGIN {
	n = split("layers components namespace namePrefix nameSuffix labels commonLabels " \
		  "commonAnnotations images replicas smp json6902 patchesStrategicMerge " \
		  "patchesJson6902 configMapGenerator secretGenerator generatorOptions behavior " \
		  "replacements vars configurations crds openapi sortOptions buildMetadata " \
		  "generators transformers validators localConfig", feature, " ")
	for (i = 1; i <= n; i++)
		number[tolower(feature[i])] = i
	alias["imagetags"] = "images"	# an old name of the field
}
function uses(name) { used[id, path] = used[id, path] " " name }

# A patch is a JSON patch as soon as it has an operation.
function patch_line(s) {
	if (s ~ /(^|[^A-Za-z])op"?:/)
		has_op = 1
	if (s ~ /kind:|"kind"|\$patch/ && s !~ /target:/)
		has_object = 1
	if (match(s, /path: *[^ ,}]+/) && s !~ /path: *"?\//)
		patch_file(substr(s, RSTART + 5, RLENGTH - 5))
}
function patch_file(name) { gsub(/[ "]|.*\//, "", name); wanted[id, path] = wanted[id, path] " " name }

function field(name) {
	end_field()
	name = tolower(name)
	in_field = name
	if (name in alias)
		name = alias[name]
	if (name in number)
		uses(name)
}
# What a block of patches was, once it is over.
function end_field() {
	if (in_field == "patches") {
		if (has_op)
			uses("json6902")
		if (has_object)
			uses("smp")
	}
	has_op = has_object = 0
	in_field = ""
}
function begin_case() {
	end_field()
	id = subject "/" $2
	path = ""
	errs[id] = 0
	order[++cases] = id
	files[id] = ""
	for (i = 3; i <= NF; i++) {
		if ($i == "in")
			i++
		else if ($i == "like")
			inherit(subject "/" $++i)
		else if ($i == "error" || $i == "accepted")
			errs[id] = 1
	}
}
function inherit(from, k, m, p) {
	m = split(files[from], p, "\n")
	for (k = 1; k <= m; k++) {
		add_file(p[k])
		used[id, p[k]] = used[from, p[k]]
		wanted[id, p[k]] = wanted[from, p[k]]
	}
}
function add_file(p) {
	if (p == "" || (id, p) in has)
		return
	has[id, p] = 1
	files[id] = files[id] "\n" p
}
function begin_file() {
	end_field()
	path = $2
	add_file(path)
	used[id, path] = wanted[id, path] = ""
	kust = path ~ /(^|\/)(kustomization\.ya?ml|Kustomization)$/
	if (kust)
		uses("(root)")
	first = 1
}
FNR == 1 { end_field(); subject = FILENAME; sub(/.*\//, "", subject); sub(/\.txt$/, "", subject) }
/^## |^!! / { next }
/^=== / { begin_case(); next }
/^-- .* --$/ { begin_file(); next }
path == "" { next }
/config\.kubernetes\.io\/local-config/ { uses("localconfig") }
!kust {
	if (first && /^[ \t]*[-\[]/ && !/^---/)
		uses("(operations)")
	first = 0
	next
}
/^kind: *Component/ { uses("(component)") }
/^[A-Za-z0-9]+:/ { match($0, /^[A-Za-z0-9]+/); field(substr($0, 1, RLENGTH)) }
in_field == "patches" { patch_line($0) }
in_field ~ /^(configmap|secret)generator$/ && /behavior:? *(merge|replace)/ { uses("behavior") }

# All that a tree uses: of its kustomizations, and of the files that they name as patches.
function gather(c, m, p, k, w, j, q, text, roots) {
	m = split(files[c], p, "\n")
	for (k = 1; k <= m; k++) {
		text = text used[c, p[k]]
		if (used[c, p[k]] ~ /\(root\)/ && used[c, p[k]] !~ /\(component\)/)
			roots++
		w = split(wanted[c, p[k]], q, " ")
		for (j = 1; j <= w; j++)
			text = text " " kind_of_patch(c, q[j], p, m)
	}
	return text (roots > 1 ? " layers" : "")
}
function kind_of_patch(c, name, p, m, k, base) {
	for (k = 1; k <= m; k++) {
		base = p[k]
		sub(/.*\//, "", base)
		if (base == name)
			return used[c, p[k]] ~ /\(operations\)/ ? "json6902" : "smp"
	}
	return ""
}
function count(c, m, w, k, l, a, b, set, list) {
	m = split(gather(c), w, " ")
	n_set = 0
	for (k = 1; k <= m; k++)
		if (w[k] in number && !(w[k] in set)) {
			set[w[k]] = 1
			list[++n_set] = number[w[k]]
		}
	for (k = 1; k <= n_set; k++)
		for (l = 1; l <= n_set; l++) {
			both[list[k], list[l]]++
			names[list[k], list[l]] = names[list[k], list[l]] c "\n"
		}
}
function check(line, left, w, m, k) {
	while ((getline line <must) > 0) {
		sub(/ *#.*/, "", line)
		if (line !~ /:/)
			continue
		left = line
		sub(/:.*/, "", left)
		sub(/^[^:]*:/, "", line)
		m = split(line, w, " ")
		for (k = 1; k <= m; k++)
			pair(left, w[k])
	}
	print "listed " listed
}
function pair(a, b) {
	listed++
	if (!(tolower(a) in number) || !(tolower(b) in number))
		print "unknown " (tolower(a) in number ? b : a)
	else if (!both[number[tolower(a)], number[tolower(b)]])
		print "missing " a " " b
}
function matrix(i, j) {
	for (i = 1; i <= n; i++) {
		printf "%2d %-21s", i, feature[i]
		for (j = 1; j <= i; j++)
			printf " %3s", both[i, j] ? both[i, j] : "."
		print ""
	}
	printf "%24s", ""
	for (j = 1; j <= n; j++)
		printf " %3d", j
	print ""
}
END {
	end_field()
	for (i = 1; i <= cases; i++)
		if (!errs[order[i]])
			count(order[i])
	if (show == "matrix")
		matrix()
	else if (split(tolower(show), w, ",") == 2 && w[1] in number && w[2] in number)
		printf "%s", names[number[w[1]], number[w[2]]]
	else if (show != "")
		print "unknown " show
	if (must != "")
		check()
}
