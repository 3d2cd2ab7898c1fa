// Makes render/kustomize/schema_data.c from the OpenAPI document that kyaml carries:
// the lists that merge, the ways to them from each kind's root, and each kind's scope.
//
//	cd tests/tools/kschema && go run . > ../../../render/kustomize/schema_data.c
//
// A schema from which no merging list can be reached is left out: nothing below it
// is ever treated otherwise than a value without a schema.
package main

import (
	"fmt"
	"os"
	"sort"
	"strings"

	openapi_v2 "github.com/google/gnostic-models/openapiv2"
	"google.golang.org/protobuf/proto"
	"k8s.io/kube-openapi/pkg/validation/spec"
	"sigs.k8s.io/kustomize/kyaml/openapi"
	"sigs.k8s.io/kustomize/kyaml/openapi/kubernetesapi"
	"sigs.k8s.io/kustomize/kyaml/yaml"
)

const definitions = "#/definitions/"

// node is a schema that matters: a definition, or one without a name inside it.
type node struct {
	name   string // of a definition
	fields map[string]*node
	extra  *node // additionalProperties
	items  *node
	keys   []string
	merges bool
	useful bool
	index  int
}

var (
	root  = openapi.Schema()
	known = map[string]*node{}
)

func resolve(s *spec.Schema) (*spec.Schema, string) {
	name := ""
	for s.Ref.String() != "" {
		name = strings.TrimPrefix(s.Ref.String(), definitions)
		next, ok := root.Definitions[name]
		if !ok {
			return nil, ""
		}
		s = &next
	}
	return s, name
}

func visit(s *spec.Schema, name string) *node {
	s, ref := resolve(s)
	if s == nil {
		return nil
	}
	if ref != "" {
		name = ref
	}
	if n := known[name]; name != "" && n != nil {
		return n
	}
	n := &node{name: name, fields: map[string]*node{}}
	if name != "" {
		known[name] = n
	}
	rs := openapi.ResourceSchema{Schema: s}
	strategy, keys := rs.PatchStrategyAndKeyList()
	for _, one := range strings.Split(strategy, ",") {
		n.merges = n.merges || one == "merge"
	}
	if n.merges {
		n.keys = keys
	}
	for f := range s.Properties {
		p := s.Properties[f]
		n.fields[f] = visit(&p, "")
	}
	if s.AdditionalProperties != nil && s.AdditionalProperties.Schema != nil {
		n.extra = visit(s.AdditionalProperties.Schema, "")
	}
	if len(s.Type) == 1 && s.Type[0] == "array" && s.Items != nil && s.Items.Schema != nil {
		n.items = visit(s.Items.Schema, "")
	}
	return n
}

// A list that does not merge is taken whole: what its items are is never asked.
func (n *node) reaches() bool {
	if n.merges || n.extra != nil && n.extra.useful {
		return true
	}
	for _, f := range n.fields {
		if f != nil && f.useful {
			return true
		}
	}
	return false
}

func mark(all []*node) {
	for changed := true; changed; {
		changed = false
		for _, n := range all {
			if !n.useful && n.reaches() {
				n.useful, changed = true, true
			}
		}
	}
}

func gather(n *node, seen map[*node]bool, all *[]*node) {
	if n == nil || seen[n] {
		return
	}
	seen[n] = true
	*all = append(*all, n)
	for _, f := range sorted(n.fields) {
		gather(n.fields[f], seen, all)
	}
	gather(n.extra, seen, all)
	gather(n.items, seen, all)
}

func sorted[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}

func typeMeta(gvk interface{}) yaml.TypeMeta {
	m := gvk.(map[string]interface{})
	api := m["version"].(string)
	if g, _ := m["group"].(string); g != "" {
		api = g + "/" + api
	}
	return yaml.TypeMeta{APIVersion: api, Kind: m["kind"].(string)}
}

// kinds gives every apiVersion and kind of the document and its definition's name; ""
// where there are only paths that answer it.
func kinds() map[yaml.TypeMeta]string {
	const gvk = "x-kubernetes-group-version-kind"
	out := map[yaml.TypeMeta]string{}
	for _, info := range paths() {
		if info.Get != nil && info.Get.Extensions[gvk] != nil {
			out[typeMeta(info.Get.Extensions[gvk])] = ""
		}
	}
	for _, name := range sorted(root.Definitions) {
		gvks, _ := root.Definitions[name].Extensions[gvk].([]interface{})
		for _, one := range gvks {
			out[typeMeta(one)] = name
		}
	}
	return out
}

func paths() map[string]spec.PathItem {
	doc := &openapi_v2.Document{}
	asset := kubernetesapi.OpenAPIMustAsset[kubernetesapi.DefaultOpenAPI]
	name := "kubernetesapi/" + strings.ReplaceAll(kubernetesapi.DefaultOpenAPI, ".", "_") + "/swagger.pb"
	if err := proto.Unmarshal(asset(name), doc); err != nil {
		panic(err)
	}
	var swagger spec.Swagger
	if _, err := swagger.FromGnostic(doc); err != nil {
		panic(err)
	}
	return swagger.Paths.Paths
}

type kind struct {
	yaml.TypeMeta
	root  *node
	scope string
}

func listKinds() []kind {
	var out []kind
	for t, name := range kinds() {
		k := kind{t, nil, "KSCOPE_UNKNOWN"}
		if s, ok := root.Definitions[name]; ok {
			k.root = visit(&s, name)
		}
		if namespaced, found := openapi.IsNamespaceScoped(t); found && namespaced {
			k.scope = "KSCOPE_NAMESPACED"
		} else if found {
			k.scope = "KSCOPE_CLUSTER"
		}
		out = append(out, k)
	}
	sort.Slice(out, func(i, j int) bool {
		if out[i].APIVersion != out[j].APIVersion {
			return out[i].APIVersion < out[j].APIVersion
		}
		return out[i].Kind < out[j].Kind
	})
	return out
}

// number gives an index to each node that is of use and can be come by from n.
func number(n *node, useful []*node) []*node {
	if n == nil || !n.useful || n.index != 0 {
		return useful
	}
	n.index = len(useful)
	useful = append(useful, n)
	for _, f := range sorted(n.fields) {
		useful = number(n.fields[f], useful)
	}
	useful = number(n.extra, useful)
	if n.merges {
		useful = number(n.items, useful)
	}
	return useful
}

func index(n *node) int {
	if n == nil {
		return 0
	}
	return n.index
}

func printKeys(nodes []*node) map[string]int {
	sets := map[string]int{}
	for _, n := range nodes {
		if n.merges {
			sets[strings.Join(n.keys, "\", \"")] = 0
		}
	}
	fmt.Printf("const char *const kschema_keys[][%d] = {\n\t{ NULL }, /* does not merge */\n", 3)
	for i, keys := range sorted(sets) {
		sets[keys] = i + 1
		if keys == "" {
			fmt.Println("\t{ NULL }, /* a set of scalars */")
		} else {
			fmt.Printf("\t{ \"%s\" },\n", keys)
		}
	}
	fmt.Printf("};\n\n")
	return sets
}

func printFields(nodes []*node) []int {
	first := make([]int, len(nodes)+1)
	n := 0
	fmt.Println("const struct kschema_edge kschema_edges[] = {")
	for i, from := range nodes {
		first[i] = n
		for _, f := range sorted(from.fields) {
			if index(from.fields[f]) != 0 {
				fmt.Printf("\t{ \"%s\", %d },\n", f, index(from.fields[f]))
				n++
			}
		}
	}
	first[len(nodes)] = n
	fmt.Printf("};\n\n")
	return first
}

func printNodes(nodes []*node, first []int, sets map[string]int) {
	fmt.Println("const struct kschema_node kschema_nodes[] = {")
	for i, n := range nodes {
		keys := 0
		if n.merges {
			keys = sets[strings.Join(n.keys, "\", \"")]
		}
		name := "NULL"
		if n.name != "" {
			name = "\"" + n.name + "\""
		}
		if index(n.extra) != 0 {
			fmt.Fprintln(os.Stderr, "error: additionalProperties that merge: the table has no place for them")
			os.Exit(1)
		}
		items := 0
		if n.merges {
			items = index(n.items)
		}
		fmt.Printf("\t{ %s, NULL, %d, %d, %d, %d },\n", name, first[i], first[i+1]-first[i],
			items, keys)
	}
	fmt.Printf("};\nconst size_t kschema_n_nodes = %d;\n\n", len(nodes))
}

func printKinds(all []kind) {
	n := 0
	fmt.Println("const struct kschema_kind kschema_kinds[] = {")
	for _, k := range all {
		if index(k.root) == 0 && k.scope == "KSCOPE_UNKNOWN" {
			continue
		}
		fmt.Printf("\t{ \"%s\", \"%s\", %d, %s },\n", k.APIVersion, k.Kind, index(k.root), k.scope)
		n++
	}
	fmt.Printf("};\nconst size_t kschema_n_kinds = %d;\n", n)
}

func main() {
	all := listKinds()
	var nodes []*node
	seen := map[*node]bool{}
	for _, k := range all {
		gather(k.root, seen, &nodes)
	}
	mark(nodes)
	useful := []*node{{}} // 0: what leads nowhere
	for _, k := range all {
		useful = number(k.root, useful)
	}
	fmt.Println("/*\n * schema_data.c - the built-in schema. Made by tests/tools/kschema from the OpenAPI\n * document of Kubernetes v1.21.2: do not edit.\n */")
	fmt.Println("#include \"schema_priv.h\"")
	fmt.Println()
	sets := printKeys(useful)
	first := printFields(useful)
	printNodes(useful, first, sets)
	printKinds(all)
}
