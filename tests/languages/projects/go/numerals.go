// Package numerals names numbers.
package numerals

import "example.org/numerals/roman"

// Ordinal gives "1st", "2nd", "3rd", "4th" and so on.
func Ordinal(n int) string {
	suffix := "th"
	switch n % 10 {
	case 1:
		suffix = "st"
	case 2:
		suffix = "nd"
	case 3:
		suffix = "rd"
	}
	return decimal(n) + suffix
}

// Both gives a number in both notations.
func Both(n int) string {
	return decimal(n) + " (" + roman.Format(n) + ")"
}

func decimal(n int) string {
	if n < 10 {
		return string(rune('0' + n))
	}
	return decimal(n/10) + decimal(n%10)
}
