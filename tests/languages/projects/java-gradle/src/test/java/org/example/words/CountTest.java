package org.example.words;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertTrue;

import org.junit.Test;

public class CountTest {
    @Test
    public void countsWhateverTheCase() {
        assertEquals(Integer.valueOf(2), Words.count("The cat and the dog").get("the"));
    }

    @Test
    public void anEmptyTextHasNoWords() {
        assertTrue("counted " + Words.count(""), Words.count("").isEmpty());
    }
}
