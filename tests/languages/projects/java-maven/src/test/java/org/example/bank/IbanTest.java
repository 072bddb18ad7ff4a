package org.example.bank;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertTrue;

import org.junit.Ignore;
import org.junit.Test;

public class IbanTest {
    @Test
    public void acceptsSpaces() {
        assertTrue(Iban.isValid("GB82 WEST 1234 5698 7654 32"));
    }

    @Test
    public void seesSwappedDigits() {
        assertFalse(Iban.isValid("GB28 WEST 1234 5698 7654 32"));
    }

    @Test
    public void isNotValidWhenShort() {
        assertFalse(Iban.isValid("GB82"));
    }

    @Test
    public void countryIsInCapitals() {
        assertEquals("GB", Iban.country("gb82WEST12345698765432"));
    }

    @Test
    @Ignore("needs the registry of countries")
    public void knowsLengthsByCountry() {
    }
}
