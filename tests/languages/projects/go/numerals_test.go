package numerals

import "testing"

func TestBoth(t *testing.T) {
	if got := Both(14); got != "14 (XIV)" {
		t.Errorf("Both(14) = %q", got)
	}
}

func TestOrdinal(t *testing.T) {
	for n, want := range map[int]string{1: "1st", 22: "22nd", 43: "43rd", 10: "10th"} {
		if got := Ordinal(n); got != want {
			t.Errorf("Ordinal(%d) = %q, want %q", n, got, want)
		}
	}
}

func TestOrdinalOfTeens(t *testing.T) {
	t.Run("eleven", func(t *testing.T) {
		if got := Ordinal(11); got != "11th" {
			t.Errorf("Ordinal(11) = %q, want %q", got, "11th")
		}
	})
}
