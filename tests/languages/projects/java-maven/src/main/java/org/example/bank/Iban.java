package org.example.bank;

import java.math.BigInteger;

/** Numbers of bank accounts by ISO 13616. */
public final class Iban {
    private Iban() {
    }

    /** Whether the check digits of a number fit it; spaces are allowed. */
    public static boolean isValid(String number) {
        String compact = number.replace(" ", "");
        if (compact.length() < 5) {
            return false;
        }
        StringBuilder digits = new StringBuilder();
        for (char letter : (compact.substring(4) + compact.substring(0, 4)).toCharArray()) {
            digits.append(Character.getNumericValue(letter));
        }
        return new BigInteger(digits.toString()).mod(BigInteger.valueOf(97)).intValue() == 1;
    }

    /** The country of a number, in capitals. */
    public static String country(String number) {
        return number.substring(0, 2);
    }
}
