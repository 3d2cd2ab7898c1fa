// Writes core/yaml/unicode_data.c: the letters and digits by which keys are sorted.
//
//	go run tests/tools/unicodetable/main.go >core/yaml/unicode_data.c
package main

import (
	"fmt"
	"unicode"
)

func table(name string, is func(rune) bool) {
	fmt.Printf("\nconst struct unicode_range %s[] = {", name)
	n := 0
	for r := rune(0x80); r <= unicode.MaxRune; r++ {
		if !is(r) {
			continue
		}
		from := r
		for is(r + 1) {
			r++
		}
		if n%3 == 0 {
			fmt.Print("\n\t")
		} else {
			fmt.Print(" ")
		}
		fmt.Printf("{ 0x%x, 0x%x },", from, r)
		n++
	}
	fmt.Printf("\n};\nconst size_t n_%s = %d;\n", name, n)
}

func main() {
	fmt.Printf("/* unicode_data.c - made by tests/tools/unicodetable, Unicode %s: do not edit. */\n",
		unicode.Version)
	fmt.Println("#include \"yaml_priv.h\"")
	table("unicode_letters", unicode.IsLetter)
	table("unicode_digits", unicode.IsDigit)
}
