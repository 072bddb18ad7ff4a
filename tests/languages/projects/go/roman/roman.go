// Package roman writes numbers as the Romans did.
package roman

var steps = []struct {
	value  int
	letter string
}{
	{10, "X"}, {9, "IX"}, {5, "V"}, {4, "IV"}, {1, "I"},
}

// Format writes a number from 1 to 39.
func Format(n int) string {
	text := ""
	for _, step := range steps {
		for n >= step.value {
			text += step.letter
			n -= step.value
		}
	}
	return text
}
