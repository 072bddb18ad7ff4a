package org.example.words;

import static org.junit.Assert.assertEquals;

import org.junit.Ignore;
import org.junit.Test;

public class LongestTest {
    @Test
    public void takesTheFirst() {
        assertEquals("three", Words.longest("one, three, seven"));
    }

    @Test
    @Ignore
    public void knowsHyphens() {
    }
}
