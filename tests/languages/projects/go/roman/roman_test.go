package roman

import "testing"

func TestFormat(t *testing.T) {
	if got := Format(39); got != "XXXIX" {
		t.Fatalf("Format(39) = %q", got)
	}
}

func TestLarge(t *testing.T) {
	t.Skip("only to 39 so far")
}
