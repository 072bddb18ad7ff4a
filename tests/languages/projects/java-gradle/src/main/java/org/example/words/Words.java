package org.example.words;

import java.util.Map;
import java.util.TreeMap;

/** Looks at the words of a text. */
public final class Words {
    private Words() {
    }

    /** How often each word is in a text, whatever its case. */
    public static Map<String, Integer> count(String text) {
        Map<String, Integer> counts = new TreeMap<>();
        for (String word : text.toLowerCase().split("\\W+")) {
            counts.merge(word, 1, Integer::sum);
        }
        return counts;
    }

    /** The longest word of a text, the first of them if there are several. */
    public static String longest(String text) {
        String longest = "";
        for (String word : text.split("\\W+")) {
            if (word.length() > longest.length()) {
                longest = word;
            }
        }
        return longest;
    }
}
