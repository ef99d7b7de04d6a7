// Tests come with the parts they test.
